"""One row per photograph, measured or failed, in the order of the folder."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePosixPath
from threading import Lock
from typing import Any

from fundus_mtl.data import is_out_of_memory, plain_reason, root_cause
from fundus_mtl.processes import TooSlowError
from fundus_mtl.results._column import Value
from fundus_mtl.results._entry import STATES, Entry, Row
from fundus_mtl.results._exit_codes import NOTHING_USABLE
from fundus_mtl.results._journal import Journal
from fundus_mtl.results._pseudonyms import without_names
from fundus_mtl.results._relpath import published_relpath
from fundus_mtl.results._source_file import ReplacedError, SourceFiles

_logger = logging.getLogger(__name__)


class NothingUsableError(RuntimeError):
    """No photograph of a run could be used; the tables give the reason for each."""

    exit_code = NOTHING_USABLE


def now() -> str:
    """Return the time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Ledger:
    """The rows and failures of a run, stored in its journal; only their states are in memory.

    Args:
        items: Photographs in the order of the rows, with ``id``, ``image`` and perhaps ``error``; also with ``source``, the
            name in the folder, where the id is a pseudonym.
        stamp: Columns that every row has, such as the model's name.
        journal: Journal of the run.
        timeout: Limit of time for one look at a photograph's file, in s; None for no limit.

    Attribute ``sources``: the photographs' files.

    Raises:
        ValueError: If an id occurs twice, is not a path below the folder, or is not valid Unicode.
    """

    def __init__(
        self,
        items: Sequence[Mapping[str, Any]],
        stamp: Mapping[str, str],
        journal: Journal,
        timeout: float | None = None,
    ) -> None:
        self.items = {str(item["id"]): item for item in items}
        if len(self.items) != len(items):
            raise ValueError(f"items: expected different ids, but got {len(items) - len(self.items)} more than once.")
        for name in self.items:
            path = PurePosixPath(name)
            valid = name == name.encode("utf-8", "replace").decode()
            if path.is_absolute() or ".." in path.parts or not path.parts or not valid:
                raise ValueError(f"items: expected relative paths inside the folder as ids, but got {name!a}.")
        self._stamp, self._journal = dict(stamp), journal
        self.sources = SourceFiles(self.items.values(), timeout)
        self._states: dict[str, str] = {}
        self._lock = Lock()  # rows come from the engine's thread and from the writer threads
        self._unreached: dict[str, Entry] = {}
        self._mark = time.perf_counter()

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of photographs so far that are ``ok``, ``ungradable`` and ``failed``."""
        with self._lock:
            counted = Counter(self._states.values())
        return {state: counted[state] for state in STATES}

    def entries(self) -> Iterator[Entry]:
        """Yield the entries so far from the journal, in the order of the items."""
        kept = self._journal.entries(name for name in self.items if name not in self._unreached)
        following = next(kept, None)
        for name in self.items:
            if name in self._unreached:
                yield self._unreached[name]
            elif following is not None and following.name == name:
                yield following
                following = next(kept, None)

    def recall(self, names: Sequence[str]) -> None:
        """Take over the states of these photographs from the journal."""
        self._states |= {entry.name: str(entry.row["status"]) for entry in self._journal.entries(names)}

    def succeed(
        self,
        name: str,
        columns: Mapping[str, Value],
        files: Sequence[str] = (),
        thumbnail: bytes | None = None,
        seconds: float | None = None,
    ) -> None:
        """Write the row of a photograph that was measured; its columns may have another status than ok.

        Args:
            name: Id of the photograph.
            columns: Columns of its row, with ``source_sha256``, see `source_sha256`.
            files: Its pictures, relative to the output folder.
            thumbnail: Small JPEG of its overlay.
            seconds: Time that it took.
        """
        measured = {"status": "ok", **columns, "runtime_s": seconds}
        self._keep(Entry(self._row(name, measured), None, tuple(files), thumbnail))

    def fail(self, name: str, stage: str, exception: BaseException, seconds: float | None = None) -> None:
        """Write the row of a photograph that failed, with the root cause of the error and no absolute path.

        A row without a hash is measured again by a resumed run. It has none if the photograph took too long or too much
        memory, or if its file has changed since the start of the run (after another error than `ReplacedError`).
        """
        item = self.items[name]
        self._keep(self._failed(name, stage, exception, self._sha256_after(exception, item), seconds))

    def _sha256_after(self, exception: BaseException, item: Mapping[str, Any]) -> str | None:
        if isinstance(exception, TooSlowError) or is_out_of_memory(root_cause(exception)):
            return None
        replaced = isinstance(exception, ReplacedError)
        return self.sources.known_sha256(item) if replaced else self.sources.unchanged_sha256(item)

    def source_sha256(self, name: str, first: str | None = None) -> str | None:
        """Return the hash of a photograph's file, after everything else was read from it.

        Args:
            name: Id of the photograph.
            first: Hash when the file was first read; None if it is not known.

        Raises:
            ReplacedError: If the file was replaced in between; if ``first`` is None, since the start of the run.
        """
        return self.sources.require_unchanged(self.items[name], first)

    def start_clock(self) -> None:
        """Start measuring the time of the next row."""
        self._mark = time.perf_counter()

    def seconds_of(self, count: int) -> float:
        """Return the time since the last call, in s, divided by a number of photographs."""
        seconds, self._mark = time.perf_counter() - self._mark, time.perf_counter()
        return seconds / max(1, count)

    def fail_the_rest(self, reason: str) -> None:
        """Add a failed row for every photograph without a row, so that none is lost; a resumed run tries them again."""
        for name in [name for name in self.items if name not in self._states]:
            self._unreached[name] = self._failed(name, "predict", RuntimeError(reason), None, None)
            self._states[name] = "failed"

    def require_one_usable(self) -> None:
        """Raise an error if every photograph failed.

        Raises:
            NothingUsableError: If so; the message has the first reason.
        """
        failed = self.counts["failed"]
        if self.items and failed == len(self._states):
            first = next(entry.row["status_reason"] for entry in self.entries())
            raise NothingUsableError(
                f"expected at least one usable photograph, but got {failed} that failed, the first with "
                f"{first!r}; see failures.csv in the output folder."
            )

    def _keep(self, entry: Entry) -> None:
        self._journal.append(entry)
        with self._lock:
            self._states[entry.name] = str(entry.row["status"])
            done, total = len(self._states), len(self.items)
        if done % max(1, total // 20) == 0 or done == total:  # numbers only: names of files may be names of patients
            _logger.info("%d of %d photographs, %d failed", done, total, self.counts["failed"])

    def _failed(
        self, name: str, stage: str, exception: BaseException, sha256: str | None, seconds: float | None
    ) -> Entry:
        item = self.items[name]
        reason = plain_reason(exception, item)
        if "source" in item:
            reason = without_names(reason, item, "the file")
        failure: Row = {
            "source_relpath": name,
            "stage": stage,
            "error_class": type(root_cause(exception)).__name__,
            "message": reason,
        }
        columns = {"source_sha256": sha256, "status": "failed", "status_reason": reason, "runtime_s": seconds}
        return Entry(self._row(name, columns), failure)

    def _row(self, name: str, columns: Mapping[str, Value]) -> Row:
        relpath = published_relpath(self.items[name])
        return {"image_id": name, "source_relpath": relpath, **columns, **self._stamp, "timestamp_utc": now()}
