"""Everything that a run on a folder leaves behind: masks, overlays, tables, a report, and where they came from."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from fundus_mtl.processes import TimeLimit
from fundus_mtl.results._exit_codes import exit_code
from fundus_mtl.results._facts import KnownFacts
from fundus_mtl.results._folder_run import FolderRun
from fundus_mtl.results._layout import Layout
from fundus_mtl.results._measure import Measure
from fundus_mtl.results._output_errors import OutputError
from fundus_mtl.results._photograph_results import PhotographResults
from fundus_mtl.results._picture_places import PicturePlaces
from fundus_mtl.results._planned_run import planned_run
from fundus_mtl.results._role import Role
from fundus_mtl.results._rules import Rules
from fundus_mtl.results._run_options import Provenance, RunOptions
from fundus_mtl.results._run_record import run_record
from fundus_mtl.results._writer import Writer

_logger = logging.getLogger(__name__)


class FolderResults:
    """Receive the answers and the failures of a folder's photographs, and write one row for each, in the items' order.

    A photograph is done when its pictures are in place and its row is in the journal. Tables and report follow at the end,
    also when an error or an interrupt ends the run, and every file is whole or absent. A killed run resumes with the
    photographs that are not done. A photograph that cannot be measured is a failed row; an output that cannot be written
    stops the run. Attach it before handlers that re-raise (``StatsHandler``): ignite calls only the first of them.

    Args:
        output_dir: Folder of the run, created if needed.
        items: Photographs, as ``scan_folder`` returns them; they may have ``laterality`` and ``mm_per_px``.
        reader: Reads the photograph at a path as RGB uint8 ``(3, H, W)``, upright, as the transforms do.
        model: ``{"id": name, "sha256": of the weights}``.
        roles: What the tasks' answers mean, such as ``[Disc("disc"), Cup("cup")]``.
        rules: How photographs are judged; None for the default rules.
        facts: Where eye and scale of a photograph come from; None if only its list and its name say something.
        provenance: What shapes the answers beside the model; None for nothing.
        options: How the results are written; None for the default options.

    Raises:
        ValueError: If the output folder would mix results with something else, the ids are not different relative paths, or
            roles and rules do not fit, see `Measure`.
        OutputError: If another run writes to the output folder, or nothing can be written there.
    """

    def __init__(
        self,
        output_dir: str | Path,
        items: Sequence[Mapping[str, Any]],
        reader: Callable[[str], ArrayLike],
        model: Mapping[str, str],
        roles: Sequence[Role],
        rules: Rules | None = None,
        facts: KnownFacts | None = None,
        provenance: Provenance | None = None,
        options: RunOptions | None = None,
    ) -> None:
        self.output_dir = Path(output_dir)
        measure, facts = Measure(roles, rules), facts or KnownFacts()
        provenance, options = provenance or Provenance(), options or RunOptions()
        record = run_record(model, provenance, measure, facts, options)
        self._record = record
        self._run = FolderRun(self.output_dir, items, record, Layout.of(measure), options)
        self._ledger = self._run.ledger
        places = PicturePlaces(self.output_dir, self._ledger.items)
        limit = TimeLimit(options.timeout, "measured")
        self._results = PhotographResults(
            self.output_dir, reader, measure, facts, places, options.export_burned_in, limit
        )
        self._writer = Writer(options.writers)

    @property
    def pending(self) -> list[dict[str, Any]]:
        """The items that have no row yet, named as in the results; for ``FolderSamples``."""
        return self._run.pending

    def plan(self) -> list[str]:
        """Return what the run would do, as lines of text; nothing is written."""
        return list(planned_run(self._record, len(self._ledger.items), self.pending))

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of photographs so far that are ``ok``, ``ungradable`` and ``failed``."""
        return self._ledger.counts

    @property
    def exit_code(self) -> int:
        """Exit status of a command: 0 if all were measured or are ungradable, 3 if some failed, 4 if none was usable."""
        return exit_code(self.counts)

    def attach(self, engine: Any) -> None:
        """Follow an ignite engine whose ``state.output`` is a list of postprocessed samples."""
        from ignite.engine import Events

        engine.add_event_handler(Events.STARTED, lambda _: self.start())
        engine.add_event_handler(Events.ITERATION_COMPLETED, lambda engine: self.add(_samples(engine.state)))
        engine.add_event_handler(Events.COMPLETED, lambda _: self.finish())
        engine.add_event_handler(Events.EXCEPTION_RAISED, lambda _, error: self.stop(error))

    def start(self) -> None:
        """Lock the output folder, and remove from it an earlier run's results, or what a killed run left unfinished.

        Raises:
            OutputError: If another run writes there, or has since this object was made; or nothing can be written there.
        """
        self._run.start()
        self._ledger.start_clock()

    def add(self, samples: Sequence[Mapping[str, Any]]) -> None:
        """Take a batch of postprocessed samples; threads measure them, write their pictures and then their rows.

        Raises:
            OutputError: If the output could not be written, now or for an earlier sample.
        """
        seconds = self._ledger.seconds_of(len(samples))
        for sample in samples:
            self._writer.submit(self._results.commit, self._ledger, sample, seconds)

    def fail(self, item: Mapping[str, Any], stage: str, exception: BaseException) -> None:
        """Write a failed row; ``FolderSamples`` calls it with the stage and the error."""
        self._ledger.fail(str(item["id"]), stage, exception, self._ledger.seconds_of(1))

    def finish(self) -> None:
        """Write the tables and the report.

        Raises:
            OutputError: If the output cannot be written.
            NothingUsableError: If every photograph failed; the tables are written nevertheless.
        """
        self._writer.drain()
        self._run.complete()
        self._ledger.require_one_usable()

    def stop(self, exception: BaseException) -> None:
        """Write the tables of what was done before an error or an interrupt, and raise it again.

        Raises:
            BaseException: The given exception.
        """
        if self._run.running:  # not before the folder is claimed, not twice
            try:
                self._writer.drain()
            except OutputError:
                _logger.warning("some photographs that were done could not be written")
            self._run.stop(exception)
        raise exception


def _samples(state: Any) -> list[Mapping[str, Any]]:
    """Return the samples of an engine's state with their ids, which MONAI leaves in the batch."""
    batch = state.batch if isinstance(state.batch, list) else [{}] * len(state.output)
    return [
        sample if "id" in sample else {**sample, "id": source["id"]}
        for source, sample in zip(batch, state.output, strict=True)
    ]
