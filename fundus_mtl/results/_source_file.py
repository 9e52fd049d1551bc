"""The file of a photograph: its hash, and whether it stays the same during a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fundus_mtl.files import file_sha256
from fundus_mtl.photographs import photograph_file

Item = Mapping[str, Any]
FileState = tuple[int, int, int]


class ReplacedError(ValueError):
    """A photograph's file was replaced during the run. The next run measures it again."""


def was_replaced(failure: Mapping[str, Any] | None) -> bool:
    """Return whether a row of ``failures.csv`` is that of a file that was replaced during its run."""
    return failure is not None and failure.get("error_class") == ReplacedError.__name__


def file_state(path: Path) -> FileState | None:
    """Return what differs after a file was replaced or changed; None if there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def sha256_of(item: Item) -> str | None:
    """Return the file's hash; None if it must not be opened or cannot be read."""
    if "error" in item:
        return None
    try:
        return file_sha256(photograph_file(item["image"]))
    except OSError:
        return None


class SourceFiles:
    """The photographs' files as they are before the run reads them.

    A run may take hours, and a photograph's header is read apart from its pixels. If the file was replaced in between, its
    row would mix two photographs.

    Args:
        items: Photographs, with ``id``, ``image`` and perhaps ``error``.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self._before = {str(item["id"]): _state(item) for item in items}

    def unchanged_sha256(self, item: Item) -> str | None:
        """Return the hash of a file that has not changed since the start; None for one that has, or cannot be read."""
        sha256 = sha256_of(item)  # before the comparison, which then covers it too
        return sha256 if _state(item) == self._before[str(item["id"])] else None

    def require_unchanged(self, item: Item, first: str | None = None) -> str | None:
        """Return the hash of a file; see `Ledger.source_sha256`.

        Raises:
            ReplacedError: If the file was replaced.
        """
        same = _state(item) == self._before[str(item["id"])]
        if same and first is not None:
            return first  # the file is not read again
        sha256 = sha256_of(item)
        if not (same if first is None else sha256 == first):
            raise ReplacedError(
                "expected the file that was read at first, but it was replaced during the run; run again."
            )
        return sha256


def _state(item: Item) -> FileState | None:
    return None if "error" in item else file_state(photograph_file(item["image"]))
