"""What a run has finished, one line of JSON per photograph, so that a killed run can be resumed.

A line is appended and synced after the photograph's pictures are in place, so a photograph with a line is done. If the run
was killed while it wrote, the incomplete last line is dropped. Only the positions of the lines are held in memory, which
therefore does not grow with the pictures and numbers of a folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Lock

from fundus_mtl.results._entry import Entry
from fundus_mtl.results._output_errors import output_errors, write_output


class Journal:
    """The entries of a run on disk; of several with the same name, the last one counts.

    Args:
        path: Path of the file, which need not exist; nothing is written before the first `append`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: dict[str, tuple[int, int]] = {}
        self._end, self._lock = 0, Lock()
        if path.exists():
            self._read()

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
                    yield Entry.of(file.read(length))

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
        self._read()

    def clear(self) -> None:
        """Remove all entries.

        Raises:
            OutputError: If the file cannot be removed.
        """
        with output_errors():
            self.path.unlink(missing_ok=True)
        self._places, self._end = {}, 0

    def _read(self) -> None:
        self._places, self._end = {}, 0
        with self.path.open("rb") as file:
            for line in file:
                try:
                    entry = Entry.of(line)
                except (ValueError, KeyError, TypeError):
                    return  # incomplete: this photograph, and any after it, are done again
                if not line.endswith(b"\n"):
                    return
                self._places[entry.name] = (self._end, len(line))
                self._end += len(line)
