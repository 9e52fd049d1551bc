"""One row per photograph, whatever happened to it, in the order of the folder."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from fundus_mtl.data import plain_reason, root_cause
from fundus_mtl.reporting._table import Value

Row = dict[str, Value]

_logger = logging.getLogger(__name__)


class NothingUsableError(RuntimeError):
    """Not one photograph of a run could be used; the tables say why for each."""


def now() -> str:
    """Return the time in UTC, to the second, by ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class Ledger:
    """The rows and failures of a run.

    Args:
        items: with ``id``, ``image`` and perhaps ``error``, in the rows' order.
        stamp: columns that every row has, such as the model's name.

    Raises:
        ValueError: if an id occurs twice, or is not a path below the folder.
    """

    def __init__(self, items: Sequence[Mapping[str, Any]], stamp: Mapping[str, str]) -> None:
        self.items = {str(item["id"]): item for item in items}
        if len(self.items) != len(items):
            raise ValueError(f"items: expected different ids, but got {len(items) - len(self.items)} more than once.")
        for name in self.items:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or not path.parts:
                raise ValueError(f"items: expected relative paths inside the folder as ids, but got {name!r}.")
        self._stamp = dict(stamp)
        self._rows: dict[str, Row] = {}
        self._failures: dict[str, Row] = {}
        self._mark = time.perf_counter()

    @property
    def rows(self) -> list[Row]:
        """The rows so far, in the order of the items."""
        return [self._rows[name] for name in self.items if name in self._rows]

    @property
    def failures(self) -> list[Row]:
        """The failures so far, in the order of the items."""
        return [self._failures[name] for name in self.items if name in self._failures]

    @property
    def counts(self) -> dict[str, int]:
        """Photographs so far, ``ok`` and ``failed``."""
        return {"ok": len(self._rows) - len(self._failures), "failed": len(self._failures)}

    def succeed(self, name: str, columns: Mapping[str, Value]) -> None:
        """Keep the row of a photograph that was measured."""
        self._keep(name, {"source_sha256": _sha256(self.items[name]), "status": "ok"} | dict(columns))

    def fail(self, name: str, stage: str, exception: BaseException) -> None:
        """Keep the row of a photograph that failed, with the root of the error and no absolute path."""
        self._record_failure(name, stage, exception, _sha256(self.items[name]))

    def start_clock(self) -> None:
        """Let the time of the next rows begin."""
        self._mark = time.perf_counter()

    def charge(self, names: Sequence[str]) -> None:
        """Share the time since the last charge among rows, and tell how far the run is."""
        seconds, self._mark = time.perf_counter() - self._mark, time.perf_counter()
        for name in names:
            self._rows[name]["runtime_s"] = seconds / len(names)
        self._tell_progress(len(names))

    def fail_the_rest(self, reason: str) -> None:
        """Keep a failed row for every photograph that has none, so that none is lost; their files are not opened."""
        for name in [name for name in self.items if name not in self._rows]:
            self._record_failure(name, "predict", RuntimeError(reason), None)

    def require_one_usable(self) -> None:
        """Refuse a run in which every photograph failed.

        Raises:
            NothingUsableError: in one sentence, with the first reason.
        """
        if not self.counts["ok"]:
            raise NothingUsableError(
                f"expected at least one usable photograph, but got {len(self._failures)} that failed, the first with "
                f"{self.failures[0]['message']!r}; see failures.csv in the output folder."
            )

    def _tell_progress(self, more: int) -> None:
        """Log about twenty times a run, in numbers only: names of files may be names of patients."""
        done, total = len(self._rows), len(self.items)
        step = max(1, total // 20)
        if done // step != (done - more) // step:
            _logger.info("%d of %d photographs, %d failed", done, total, len(self._failures))

    def _record_failure(self, name: str, stage: str, exception: BaseException, sha256: str | None) -> None:
        reason, error_class = plain_reason(exception, self.items[name]), type(root_cause(exception)).__name__
        failure: Row = {"source_relpath": name, "stage": stage, "error_class": error_class, "message": reason}
        self._failures[name] = failure
        self._keep(name, {"source_sha256": sha256, "status": "failed", "status_reason": reason})

    def _keep(self, name: str, columns: Mapping[str, Value]) -> None:
        identity = {"image_id": name, "source_relpath": name}
        self._rows[name] = {**identity, **columns, **self._stamp, "timestamp_utc": now()}


def _sha256(item: Mapping[str, Any]) -> str | None:
    """Return the file's hash; None for what must not be opened or cannot be read."""
    if "error" in item:
        return None
    try:
        with Path(item["image"]).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
