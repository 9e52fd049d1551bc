"""Everything a batch run leaves behind: masks, overlays, tables, a report, and where they came from."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from fundus_mtl.results._answers import answered
from fundus_mtl.results._exit_codes import exit_code
from fundus_mtl.results._folder_run import FolderRun
from fundus_mtl.results._measure import FileFacts, Measurement, commit
from fundus_mtl.results._output_errors import OutputError
from fundus_mtl.results._pseudonyms import IdMode
from fundus_mtl.results._rules import Rules
from fundus_mtl.results._run_record import provenance
from fundus_mtl.results._writer import Writer

_logger = logging.getLogger(__name__)


class FolderResults:
    """Receive the answers and the failures of a folder's photographs, and write one row for each, in the items' order.

    A photograph is done when its pictures are in place and its row is in the journal; tables and report follow at the end,
    also when an error or an interrupt ends the run, and every file is whole or absent. A killed run goes on with what is not
    done. A photograph that cannot be measured is a failed row; an output that cannot be written stops the run. Attach it
    before handlers that re-raise (``StatsHandler``): ignite calls only the first of them.

    Args:
        output_dir: made if needed.
        items: of ``scan_folder``; they may have ``laterality`` and ``mm_per_px``.
        reader: reads the photograph at a path as RGB uint8 ``(3, H, W)``, upright, as the transforms do.
        model: ``{"id": name, "sha256": of the weights}``.
        config_sha256: of the merged configuration.
        disc: name of the task with this role, None where there is none.
        cup: likewise.
        fovea: likewise.
        glaucoma: likewise.
        artery_vein: likewise; ``(2, H, W)``, artery and vein.
        vessel: likewise.
        input_dir: to make sure that results do not go there.
        overwrite: whether to replace an earlier run's results.
        resume: whether to go on with an earlier run of the same model, configuration and photographs.
        id_mode: ``"name"`` calls photographs by their relative paths; ``"hash"`` lets no name of a file or folder out.
        id_key_file: secret of ``"hash"``, made if it is not there; None for one that is destroyed at the end of the run.
        facts: what the file at a path says of itself: ``laterality``, ``mm_per_px``, ``burned_in``.
        mm_per_px: scale of photographs of which neither the file nor the item says one.
        rules: how photographs are judged; None is by default.
        export_burned_in: whether photographs with letters burned in are shown in overlays and thumbnails.
        further: SHA-256 by name of what else shapes the answers, such as a second network's weights; another one is another
            run.
        stages: which of it are models that look again: ``id``, ``sha256`` (None: there is none) and the ``roles`` they
            answer, for reports that name who made what.
        writers: threads that measure and write while the network goes on; 0 for none.

    Raises:
        ValueError: if the output folder would mix results with something else, or the ids are no different relative paths.
    """

    def __init__(
        self,
        output_dir: str | Path,
        items: Sequence[Mapping[str, Any]],
        reader: Callable[[str], ArrayLike],
        model: Mapping[str, str],
        config_sha256: str = "",
        disc: str | None = "disc",
        cup: str | None = "cup",
        fovea: str | None = "fovea",
        glaucoma: str | None = "glaucoma",
        artery_vein: str | None = None,
        vessel: str | None = None,
        input_dir: str | Path | None = None,
        overwrite: bool = False,
        resume: bool = True,
        id_mode: IdMode = "name",
        id_key_file: str | Path | None = None,
        facts: Callable[[str], FileFacts] | None = None,
        mm_per_px: float | None = None,
        rules: Rules | None = None,
        export_burned_in: bool = False,
        writers: int = 1,
        further: Mapping[str, str | None] | None = None,
        stages: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        if id_mode not in ("name", "hash"):
            raise ValueError(f"id_mode: expected name or hash, but got {id_mode!r}.")
        self.output_dir = Path(output_dir)
        self.tasks = {"disc": disc, "cup": cup, "fovea": fovea, "glaucoma": glaucoma}
        vessels = {"artery_vein": artery_vein, "vessel": vessel}
        self.tasks |= {role: task for role, task in vessels.items() if task is not None}
        options: dict[str, Any] = {"id_mode": id_mode, "export_burned_in": export_burned_in, "mm_per_px": mm_per_px}
        options |= {"further_models": {name: digest for name, digest in (further or {}).items() if digest}}
        record = provenance(model, config_sha256, self.tasks, options, _used(stages))
        self._run = FolderRun(self.output_dir, items, record, input_dir, resume, overwrite, id_key_file)
        self._ledger = self._run.ledger
        self._measure = Measurement(self.output_dir, self.tasks, reader, facts, mm_per_px, rules, export_burned_in)
        self._writer = Writer(writers)

    @property
    def pending(self) -> list[dict[str, Any]]:
        """The items that have no row yet, called as in the results; for ``FolderSamples``."""
        return self._run.pending

    @property
    def counts(self) -> dict[str, int]:
        """Photographs so far, ``ok``, ``ungradable`` and ``failed``."""
        return self._ledger.counts

    @property
    def exit_code(self) -> int:
        """What a command should end with: 0 all have an answer, 3 some failed, 4 none was usable."""
        return exit_code(self.counts)

    def attach(self, engine: Any) -> None:
        """Follow an ignite engine whose ``state.output`` is a list of postprocessed samples."""
        from ignite.engine import Events

        engine.add_event_handler(Events.STARTED, lambda _: self.start())
        engine.add_event_handler(Events.ITERATION_COMPLETED, lambda engine: self.add(answered(engine.state)))
        engine.add_event_handler(Events.COMPLETED, lambda _: self.finish())
        engine.add_event_handler(Events.EXCEPTION_RAISED, lambda _, error: self.stop(error))

    def start(self) -> None:
        """Claim the output folder, and remove from it an earlier run's results, or what a killed run left unfinished."""
        self._run.start()
        self._ledger.start_clock()

    def add(self, samples: Sequence[Mapping[str, Any]]) -> None:
        """Take a batch of postprocessed samples; threads measure them, write their pictures and then their rows.

        Raises:
            OutputError: if the output could not be written, now or for a sample before.
        """
        seconds = self._ledger.seconds_of(len(samples))
        for sample in samples:
            self._writer.submit(commit, self._measure, self._ledger, sample, seconds)

    def fail(self, item: Mapping[str, Any], stage: str, exception: BaseException) -> None:
        """Keep a failed row; for ``FolderSamples``, which calls it with the stage and the error."""
        self._ledger.fail(str(item["id"]), stage, exception, self._ledger.seconds_of(1))

    def finish(self) -> None:
        """Write the tables and the report.

        Raises:
            OutputError: if the output cannot be written.
            NothingUsableError: if every photograph failed; the tables are written nevertheless.
        """
        self._writer.drain()
        self._run.complete()
        self._ledger.require_one_usable()

    def stop(self, exception: BaseException) -> None:
        """Write the tables of what was done before an error or an interrupt, and let it go on.

        Raises:
            BaseException: the one that it was given.
        """
        if self._run.running:  # not before the folder is claimed, not twice
            try:
                self._writer.drain()
            except OutputError:
                _logger.warning("some photographs that were done could not be written")
            self._run.stop(exception)
        raise exception


def _used(stages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [stage for stage in stages if stage.get("sha256")]
