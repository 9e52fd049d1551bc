"""Names of photographs in the results: their relative paths, or pseudonyms.

A file's name may be a patient's name. With ``id_mode: hash`` a photograph is named by the HMAC-SHA256 of its path under a
secret key; without the key, the name can be neither read nor guessed and checked. With ``id_key_file`` the key is in a
file of the user, and the same key gives the same names in every run. Otherwise the key is random, stays in the output
folder until the run is complete (a killed run needs it to resume), and is then destroyed, so that the names cannot be
traced back.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, Literal

from fundus_mtl.results._output_errors import output_errors

IdMode = Literal["name", "hash"]
Items = list[dict[str, Any]]
KEY = ".id_key"
_DIGITS = 32
_SHORTEST, _LONGEST = 16, 4096  # bytes


class Pseudonyms:
    """The names of one run under a secret key.

    Args:
        output_dir: Folder of the run.
        id_key_file: File with the user's secret key, created if absent; None for a key that is destroyed at the end.
        resumed: Whether an earlier run is resumed, whose key must exist.

    Raises:
        ValueError: If the user's file is in the output folder, is no plain file, is too short or too long, or cannot be
            read; or the earlier run's key does not exist.
    """

    def __init__(self, output_dir: Path, id_key_file: str | Path | None = None, resumed: bool = False) -> None:
        self.path = output_dir / KEY if id_key_file is None else Path(id_key_file)
        self._permanent = id_key_file is not None
        if self._permanent and self.path.resolve().is_relative_to(output_dir.resolve()):
            raise ValueError("id_key_file: expected a file outside of the output folder, but got one in it; move it.")
        if resumed and not self.path.exists():
            raise ValueError(
                "expected the key that the photographs got their names with, but got a complete run, whose key is "
                "destroyed; set overwrite to True, or choose another folder and give id_key_file to keep the key."
            )
        self._key = _key_of(self.path) if self.path.exists() else secrets.token_hex(32).encode()
        if len(self._key) < _SHORTEST:
            raise ValueError(
                f"id_key_file: expected a secret of at least {_SHORTEST} bytes, but got {len(self._key)}; "
                "name a file that does not exist to have one made."
            )

    def of(self, items: Sequence[Mapping[str, Any]]) -> Items:
        """Return the items with pseudonyms as ids and the ids as ``source``, sorted by pseudonym."""
        named = [{**item, "id": self._name(str(item["id"])), "source": str(item["id"])} for item in items]
        return sorted(named, key=lambda item: item["id"])

    def keep(self) -> None:
        """Write the key if there is no file yet, readable by its owner only.

        Raises:
            OutputError: If it cannot be written.
        """
        if self.path.exists():
            return
        part = self.path.with_name(f".{secrets.token_hex(16)}.part")
        with output_errors():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(self._key + b"\n")
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path)

    def destroy(self) -> None:
        """Remove the key of a run that is complete, unless it is in the user's file.

        Raises:
            OutputError: If it cannot be removed.
        """
        if not self._permanent:
            with output_errors():
                self.path.unlink(missing_ok=True)

    def _name(self, name: str) -> str:
        return hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()[:_DIGITS]


def _key_of(path: Path) -> bytes:
    """Return the key in a file.

    Raises:
        ValueError: If it is a device, a pipe or a folder, which may never end, too long for a key, or cannot be read.
    """
    try:
        if not path.is_file():
            raise ValueError("id_key_file: expected a file, but got a folder, a pipe or a device; choose another path.")
        with path.open("rb") as file:
            key = file.read(_LONGEST + 1)
    except OSError as error:
        raise ValueError(
            f"id_key_file: expected a file that can be read, but got {error.strerror!r}; check its permissions."
        ) from error
    if len(key) > _LONGEST:
        raise ValueError(
            f"id_key_file: expected a secret of at most {_LONGEST} bytes, but got a longer file; is it another file?"
        )
    return key.strip()


def without_names(text: str, item: Mapping[str, Any], instead: str) -> str:
    """Return a message without the photograph's path, its file's or folders' names, however they are quoted.

    Args:
        text: Message.
        item: Photograph, with ``image``, the path, and perhaps ``source``, its name in the folder.
        instead: Text that replaces the names.
    """
    paths = {str(item["image"]), str(item.get("source", item["image"]))}
    names = {part for path in paths for part in (path, *PurePath(path).parts, PurePath(path).stem)}
    spellings = {spelling for name in names for spelling in (name, repr(name)[1:-1], ascii(name)[1:-1])}
    for spelling in sorted(spellings - {"/", ""}, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(spelling)}(?!\w)", lambda _: instead, text)
    return text
