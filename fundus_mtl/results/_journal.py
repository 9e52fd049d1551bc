"""What a run has finished, one line of JSON per photograph, so that a killed run can be resumed.

A line is appended and synced after the photograph's pictures are in place, so a photograph with a line is done. If the run
was killed while it wrote, the damaged last line is dropped, and its photograph is measured again. Other damage is refused.
Only the positions of the lines are held in memory, which therefore does not grow with the pictures and numbers of a folder.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import NoReturn

from fundus_mtl.results._entry import Entry, parsed
from fundus_mtl.results._output_errors import output_errors, write_output

_logger = logging.getLogger(__name__)


class Journal:
    """The entries of a run on disk; of several with the same name, the last one counts.

    Args:
        path: Path of the file, which need not exist. It is not opened before `read` or the first `append`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: dict[str, tuple[int, int]] = {}
        self._end, self._lock = 0, Lock()

    def __contains__(self, name: str) -> bool:
        """Return whether a photograph is done."""
        return name in self._places

    def names(self) -> list[str]:
        """Return the names of the photographs that have an entry."""
        return list(self._places)

    def entries(self, names: Iterable[str]) -> Iterator[Entry]:
        """Yield the entries of these names in their order, one at a time in memory; names without an entry are skipped."""
        kept = [name for name in names if name in self._places]
        if kept:
            with self.path.open("rb") as file:
                for name in kept:
                    place, length = self._places[name]
                    file.seek(place)
                    yield Entry.of(parsed(file.read(length)))

    def read(self, check: Callable[[Entry], None] = lambda entry: None) -> None:
        """Find the entries of an earlier run; drop a damaged last line with a line in the log.

        Args:
            check: Raises ``ValueError`` for an entry that the run cannot use.

        Raises:
            ValueError: If the file has another damaged line, or an entry that is none or that ``check`` refuses.
            OutputError: If the file cannot be read.
        """
        self._places, self._end = {}, 0
        if not self.path.exists():
            return
        with output_errors(), self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                try:
                    record = parsed(line)
                except ValueError as error:
                    if file.read(1):
                        self._refuse(number, error)
                    _logger.warning("the last line of %s is damaged; its photograph is measured again", self.path.name)
                    return
                try:
                    entry = Entry.of(record)
                    check(entry)
                except ValueError as error:
                    self._refuse(number, error)
                self._places[entry.name] = (self._end, len(line))
                self._end += len(line)

    def append(self, entry: Entry) -> None:
        """Write an entry to disk; threads may call this at the same time.

        Raises:
            OutputError: If it cannot be written; the journal is then as it was.
        """
        line = entry.line().encode()
        with self._lock, output_errors():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("r+b" if self.path.exists() else "xb") as file:
                file.truncate(self._end)  # an incomplete line of a killed run, or from a full disk
                file.seek(self._end)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            self._places[entry.name] = (self._end, len(line))
            self._end += len(line)

    def compact(self, names: Iterable[str]) -> None:
        """Keep only the last entry of each of these names, in their order.

        Raises:
            OutputError: If it cannot be written; the journal is then as it was.
        """
        write_output(self.path, (entry.line() for entry in self.entries(names)))
        self.read()

    def clear(self) -> None:
        """Remove all entries.

        Raises:
            OutputError: If the file cannot be removed.
        """
        with output_errors():
            self.path.unlink(missing_ok=True)
        self._places, self._end = {}, 0

    def _refuse(self, number: int, error: ValueError) -> NoReturn:
        what = str(error) if str(error).startswith("expected ") else "expected an entry as JSON, but got something else"
        raise ValueError(
            f"{self.path.name}, line {number}: {what}; choose another output folder, or set overwrite to True to measure "
            "all photographs again."
        ) from error
