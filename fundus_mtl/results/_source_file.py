"""The file of a photograph: its hash, and whether it stays the same during a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fundus_mtl.photographs import photograph_file, photograph_sha256
from fundus_mtl.processes import TimeLimit, TooSlowError

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


class SourceFiles:
    """The photographs' files as they are before the run reads them.

    A run may take hours, and a photograph's header is read apart from its pixels. If the file was replaced in between, its
    row would mix two photographs.

    Args:
        items: Photographs, with ``id``, ``image`` and perhaps ``error``.
        timeout: Limit of time for one look at a file, in s; None for no limit. See `TimeLimit`.
    """

    def __init__(self, items: Iterable[Item], timeout: float | None = None) -> None:
        self._limit = TimeLimit(timeout, "hashed")
        self._before = {str(item["id"]): self._state(item) for item in items}

    def sha256(self, item: Item) -> str | None:
        """Return the file's hash; None if it must not be opened or cannot be read.

        Raises:
            TooSlowError: If it takes longer than the limit.
            StalledError: If it does, and too many others did.
        """
        if "error" in item:
            return None
        try:
            return self._limit(photograph_sha256, photograph_file(item["image"]))
        except TooSlowError:
            raise
        except OSError:
            return None

    def known_sha256(self, item: Item) -> str | None:
        """Return the file's hash; None if it cannot be had within the limit of time."""
        try:
            return self.sha256(item)
        except TooSlowError:
            return None

    def unchanged_sha256(self, item: Item) -> str | None:
        """Return the hash of a file that has not changed since the start; None for one that has, or cannot be read."""
        sha256 = self.known_sha256(item)  # before the comparison, which then covers it too
        return sha256 if self._state(item) == self._before[str(item["id"])] else None

    def require_unchanged(self, item: Item, first: str | None = None) -> str | None:
        """Return the hash of a file; see `Ledger.source_sha256`.

        Raises:
            ReplacedError: If the file was replaced.
            TooSlowError: If it takes too long to read.
        """
        same = self._state(item) == self._before[str(item["id"])]
        if same and first is not None:
            return first  # the file is not read again
        sha256 = self.sha256(item)
        if not (same if first is None else sha256 == first):
            raise ReplacedError(
                "expected the file that was read at first, but it was replaced during the run; run again."
            )
        return sha256

    def _state(self, item: Item) -> FileState | None:
        if "error" in item:
            return None
        try:
            return self._limit(file_state, photograph_file(item["image"]))
        except TooSlowError:
            return None
