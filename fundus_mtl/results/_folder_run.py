"""The states of an output folder: claimed and running, then completed or stopped."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fundus_mtl.data import plain_reason
from fundus_mtl.photographs import PhotographList
from fundus_mtl.results._finished import finished
from fundus_mtl.results._folder_tables import write_tables
from fundus_mtl.results._journal import Journal
from fundus_mtl.results._layout import FAILURE_COLUMNS, Layout
from fundus_mtl.results._ledger import Ledger, now
from fundus_mtl.results._output_errors import OutputError, write_output
from fundus_mtl.results._output_folder import (
    JOURNAL,
    RUN,
    check_output,
    clear_output,
    files_state,
    holds_run,
    sweep_output,
)
from fundus_mtl.results._output_lock import OutputLock
from fundus_mtl.results._pseudonyms import Pseudonyms
from fundus_mtl.results._relpath import with_relpaths
from fundus_mtl.results._run_options import RunOptions
from fundus_mtl.results._run_record import stamp

_logger = logging.getLogger(__name__)


class FolderRun:
    """The record of a run beside its results, and what is done to the folder at its start and end.

    Args:
        output_dir: Folder of the run.
        items: Photographs, see `FolderResults`; of a `PhotographList`, the record counts the files that were skipped.
        record: First part of ``run.json``.
        layout: Columns and pictures of the run.
        options: Options of the run.

    Raises:
        ValueError: See `check_output`, `Pseudonyms`, `Journal.read`, `Ledger` and `finished`.
        OutputError: If another run writes to the folder.
    """

    def __init__(
        self,
        output_dir: Path,
        items: Sequence[Mapping[str, Any]],
        record: Mapping[str, Any],
        layout: Layout,
        options: RunOptions,
    ) -> None:
        self.output_dir, self._layout = output_dir, layout
        self._lock = OutputLock(output_dir)
        if holds_run(output_dir):
            self._lock.acquire()  # only to look: a run that writes there would change what is read here
        try:
            self._look(items, record, options)
        finally:
            self._lock.release()

    def _look(self, items: Sequence[Mapping[str, Any]], record: Mapping[str, Any], options: RunOptions) -> None:
        """Compare the folder with this run; change nothing in it."""
        output_dir = self.output_dir
        found = items if isinstance(items, PhotographList) else PhotographList()
        if found.shard:  # among what must be the same if a run is to resume another
            record = {**record, "options": {**record["options"], "shard": found.shard}}
        self._seen = files_state(output_dir)
        earlier = check_output(output_dir, options.input_dir, record, options.resume, options.overwrite)
        self._resumed = earlier.resumed
        # An earlier run's folders stay in the record until this run is replaced: it may be killed before it removes them.
        self._record = {**record, "folders": list(dict.fromkeys([*record["folders"], *earlier.folders]))}
        self._record["skipped"] = found.skipped
        hashed = options.id_mode == "hash"
        self._names = Pseudonyms(output_dir, options.id_key_file, self._resumed) if hashed else None
        self._journal = Journal(output_dir / JOURNAL)
        if self._resumed:
            columns = self._layout.columns
            self._journal.read(lambda entry: entry.check_columns(columns, FAILURE_COLUMNS))
        placed = with_relpaths(items, options.input_dir)
        named = placed if self._names is None else self._names.of(placed)
        self.ledger = Ledger(named, stamp(record), self._journal, options.timeout)
        self._done = finished(self._journal, named, output_dir, self.ledger.sources) if self._resumed else {}

    @property
    def pending(self) -> list[dict[str, Any]]:
        """The items that have no row yet: ``id``, ``image``, and perhaps an ``error``."""
        pending = [item for name, item in self.ledger.items.items() if name not in self._done]
        return [{key: item[key] for key in ("id", "image", "error") if key in item} for item in pending]

    @property
    def running(self) -> bool:
        """Whether the folder is claimed and the run has not ended."""
        return self._record.get("state") == "running"

    def start(self) -> None:
        """Lock and claim the folder; remove another run's results, or what a killed run left unfinished.

        Raises:
            OutputError: If another run writes to it, or has since this one was made; or it cannot be written to.
        """
        self._lock.acquire()
        if files_state(self.output_dir) != self._seen:
            self._lock.release()
            raise OutputError(
                "expected an output folder that no other run has changed since this one began, but got one with other "
                "results; run the same command again."
            )
        if not self._resumed:
            self._journal.clear()  # first: no row of another run may ever count as one of this
        self._record |= {"state": "running", "started_utc": now()}
        self._write_record()  # marks the folder as written by this run
        if self._names is not None:
            self._names.keep()
        if self._resumed:
            sweep_output(
                self.output_dir, self._record["folders"], {file for files in self._done.values() for file in files}
            )
            self.ledger.recall(list(self._done))
        else:
            clear_output(self.output_dir, self._record["folders"])

    def complete(self) -> None:
        """Write the tables of all photographs.

        Raises:
            OutputError: If the output cannot be written.
        """
        try:
            self.ledger.fail_the_rest("the network gave no answer")
            self._conclude({"state": "completed"})
            if self._names is not None:
                self._names.destroy()
        finally:
            self._lock.release()

    def stop(self, exception: BaseException) -> None:
        """Write the tables of what was done before an error or an interrupt, if they can be written."""
        self.ledger.fail_the_rest("not reached; the run was stopped")
        reason = type(exception).__name__
        if self._names is None:  # the text may contain names
            reason += f": {plain_reason(exception)}"
        try:
            self._conclude({"state": "stopped", "reason": reason})
        except OutputError:
            _logger.warning("the tables of what was done could not be written")
        finally:
            self._lock.release()

    def _conclude(self, ending: Mapping[str, Any]) -> None:
        self._record |= {**ending, "finished_utc": now(), "counts": self.ledger.counts}
        self._journal.compact(self.ledger.items)
        write_tables(self.output_dir, self.ledger, self._record, self._layout)
        self._write_record()
        _logger.info(
            "finished: %(ok)d photographs ok, %(ungradable)d ungradable, %(failed)d failed", self.ledger.counts
        )

    def _write_record(self) -> None:
        text = json.dumps(self._record, indent=2, ensure_ascii=False) + "\n"
        # The reason for a stop may quote a name that is not UTF-8; a backslash starts an escape in JSON too.
        write_output(self.output_dir / RUN, text.encode("utf-8", "backslashreplace"))
