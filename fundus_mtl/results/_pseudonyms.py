"""Names of photographs for results that may be handed on: the files' own, or pseudonyms.

A file's name may be a patient's. With ``id_mode: hash`` a photograph is called by the HMAC-SHA256 of its path under a secret
key; whoever has not the key can neither read the name nor test a guess. The key is the user's file where one is given
(``id_key_file``; the same key gives the same names in every run). Else it is drawn at random, lies in the output folder
only until the run is complete (a killed run needs it to go on) and is then destroyed, so that nobody can go back.
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
_SHORTEST = 16  # bytes


class Pseudonyms:
    """The names of one run under a secret key.

    Args:
        output_dir: of the run.
        id_key_file: the user's secret, made if it is not there; None for one that is destroyed in the end.
        again: whether an earlier run goes on, so that its key must be there.

    Raises:
        ValueError: if the user's file is in the output folder or holds too little, or the earlier run's key is gone.
    """

    def __init__(self, output_dir: Path, id_key_file: str | Path | None = None, again: bool = False) -> None:
        self.path = output_dir / KEY if id_key_file is None else Path(id_key_file)
        self.for_good = id_key_file is not None
        if self.for_good and self.path.resolve().is_relative_to(output_dir.resolve()):
            raise ValueError("id_key_file: expected a file outside of the output folder, but got one in it; move it.")
        if again and not self.path.exists():
            raise ValueError(
                "expected the key that the photographs got their names with, but got a complete run, whose key is "
                "destroyed; set overwrite to True, or choose another folder and give id_key_file to keep the key."
            )
        self._key = self.path.read_bytes().strip() if self.path.exists() else secrets.token_hex(32).encode()
        if len(self._key) < _SHORTEST:
            raise ValueError(
                f"id_key_file: expected a secret of at least {_SHORTEST} bytes, but got {len(self._key)}; "
                "name a file that does not exist to have one made."
            )

    def of(self, items: Sequence[Mapping[str, Any]]) -> Items:
        """Return the items with pseudonyms as ids and the ids as ``source``, in an order that tells nothing of the names."""
        named = [{**item, "id": self._name(str(item["id"])), "source": str(item["id"])} for item in items]
        return sorted(named, key=lambda item: item["id"])

    def keep(self) -> None:
        """Write the key where it is not yet, readable by its owner only.

        Raises:
            OutputError: if it cannot be written.
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
        """Remove the key of a run that is complete, unless the user asked for it.

        Raises:
            OutputError: if it cannot be removed.
        """
        if not self.for_good:
            with output_errors():
                self.path.unlink(missing_ok=True)

    def _name(self, name: str) -> str:
        return hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()[:_DIGITS]


def without_names(text: str, item: Mapping[str, Any], instead: str) -> str:
    """Return a message without the photograph's path, its file's or folders' names, however they are quoted.

    Args:
        text: the message.
        item: with ``image``, the path, and perhaps ``source``, its name in the folder.
        instead: of the names.
    """
    paths = {str(item["image"]), str(item.get("source", item["image"]))}
    names = {part for path in paths for part in (path, *PurePath(path).parts, PurePath(path).stem)}
    spellings = {spelling for name in names for spelling in (name, repr(name)[1:-1], ascii(name)[1:-1])}
    for spelling in sorted(spellings - {"/", ""}, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(spelling)}(?!\w)", lambda _: instead, text)
    return text
