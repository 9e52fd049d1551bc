"""Everything a batch run leaves behind: masks, overlays, tables, a report, and where they came from."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fundus_mtl.data import PHOTOGRAPH_ERRORS, plain_reason
from fundus_mtl.reporting._atomic import OutputError, write_atomically
from fundus_mtl.reporting._findings import Findings, answered
from fundus_mtl.reporting._ledger import Ledger, now
from fundus_mtl.reporting._output_folder import RUN, check_output, clear_output, write_tables
from fundus_mtl.reporting._pictures import discard_pictures, write_pictures
from fundus_mtl.reporting._provenance import provenance, stamp
from fundus_mtl.reporting._report import MAX_THUMBNAILS
from fundus_mtl.reporting._vessels import seen_in

_logger = logging.getLogger(__name__)


class FolderResults:
    """Receive the answers and the failures of a folder's photographs, and write one row for each, in the items' order.

    Masks and overlays are written as the answers come, tables and report at the end, also when an error or an interrupt ends
    the run; every file is whole or absent. A photograph that cannot be measured is a failed row; an output that cannot be
    written stops the run. Attach it before handlers that re-raise (``StatsHandler``): ignite calls only the first of them.

    Args:
        output_dir: made if needed.
        items: of ``scan_folder``.
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
    ) -> None:
        self.output_dir = Path(output_dir)
        self.reader = reader
        self.tasks = {"disc": disc, "cup": cup, "fovea": fovea, "glaucoma": glaucoma}
        self.tasks |= {
            role: task for role, task in (("artery_vein", artery_vein), ("vessel", vessel)) if task is not None
        }
        check_output(self.output_dir, input_dir, overwrite)
        self._run = provenance(model, config_sha256, self.tasks)
        self._ledger = Ledger(items, stamp(self._run))
        self._thumbnails: dict[str, bytes] = {}

    @property
    def counts(self) -> dict[str, int]:
        """Photographs so far, ``ok`` and ``failed``."""
        return self._ledger.counts

    def attach(self, engine: Any) -> None:
        """Follow an ignite engine whose ``state.output`` is a list of postprocessed samples."""
        from ignite.engine import Events

        engine.add_event_handler(Events.STARTED, lambda _: self.start())
        engine.add_event_handler(Events.ITERATION_COMPLETED, lambda engine: self.add(answered(engine.state)))
        engine.add_event_handler(Events.COMPLETED, lambda _: self.finish())
        engine.add_event_handler(Events.EXCEPTION_RAISED, lambda _, error: self.stop(error))

    def start(self) -> None:
        """Claim the output folder and remove an earlier run's results from it."""
        self._run |= {"state": "running", "started_utc": now()}
        self._write_run()  # first: it marks what follows as ours
        clear_output(self.output_dir)
        self._ledger.start_clock()

    def add(self, samples: Sequence[Mapping[str, Any]]) -> None:
        """Measure a batch of postprocessed samples, write their pictures and keep their rows."""
        names = [str(sample["id"]) for sample in samples]
        for name, sample in zip(names, samples, strict=True):
            try:
                self._measure(name, sample)
            except PHOTOGRAPH_ERRORS as error:
                discard_pictures(self.output_dir, name)
                self._ledger.fail(name, "measure", error)
        self._ledger.charge(names)

    def fail(self, item: Mapping[str, Any], stage: str, exception: BaseException) -> None:
        """Keep a failed row; for ``FolderSamples``, which calls it with the stage and the error."""
        self._ledger.fail(str(item["id"]), stage, exception)
        self._ledger.charge([str(item["id"])])

    def finish(self) -> None:
        """Write the tables and the report.

        Raises:
            NothingUsableError: if every photograph failed; the tables are written nevertheless.
        """
        self._ledger.fail_the_rest("the network gave no answer")
        self._conclude({"state": "completed"})
        self._ledger.require_one_usable()

    def stop(self, exception: BaseException) -> None:
        """Write the tables of what was done before an error or an interrupt, and let it go on.

        Raises:
            BaseException: the one that it was given.
        """
        if self._run.get("state") == "running":  # not before the folder is claimed, not twice
            self._ledger.fail_the_rest("not reached; the run was stopped")
            try:
                self._conclude({"state": "stopped", "reason": f"{type(exception).__name__}: {plain_reason(exception)}"})
            except OutputError:
                _logger.warning("the tables of what was done could not be written")
        raise exception

    def _measure(self, name: str, sample: Mapping[str, Any]) -> None:
        picture = np.moveaxis(np.asarray(self.reader(self._ledger.items[name]["image"]), dtype=np.uint8), 0, -1)
        height, width = picture.shape[:2]
        findings = Findings.of(sample, self.tasks, (height, width), seen_in(picture, self.tasks))
        columns = findings.columns(name)
        thumbnail = write_pictures(self.output_dir, name, picture, findings)
        if len(self._thumbnails) < MAX_THUMBNAILS:
            self._thumbnails[name] = thumbnail
        self._ledger.succeed(name, {"width_px": width, "height_px": height} | columns)

    def _conclude(self, ending: Mapping[str, Any]) -> None:
        self._run |= {**ending, "finished_utc": now(), "counts": self.counts}
        write_tables(self.output_dir, self._ledger, self._thumbnails, self._run)
        self._write_run()
        _logger.info("finished: %(ok)d photographs ok, %(failed)d failed", self.counts)

    def _write_run(self) -> None:
        write_atomically(self.output_dir / RUN, json.dumps(self._run, indent=2, ensure_ascii=False) + "\n")
