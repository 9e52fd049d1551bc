"""The cost of a training: number of parameters, seconds of a step, wall clock and processor time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import ignite.distributed as idist
from ignite.engine import Events

from fundus_mtl.files import write_whole

COST_FILE = "cost.json"


class Keeper(Protocol):
    """An object that logs the numbers of a step, such as `RunHandler`."""

    def keep(self, values: Mapping[str, Any], step: int) -> None:
        """Log the numbers."""


class StepCost:
    """Measure the cost of a method; no random state is changed.

    A step lasts from the start of the iteration to its end, without loading the data and without validation. The numbers
    are written to ``cost.json`` after every epoch and its validation, and logged to the MLflow run:

    * ``parameters``: number of parameters of the network.
    * ``step_seconds``: wall clock of a step, median over the iterations of this process.
    * ``training_seconds``: wall clock of all epochs with their validations, including those before a resume. An epoch that
      was interrupted is repeated, and counts once.
    * ``processor_seconds``: processor time of this process for the same epochs, over all threads; without the worker
      processes of a data loader.

    Args:
        output_dir: output folder of the training.
        run: run that logs the numbers; None to write the file only.
    """

    def __init__(self, output_dir: str | Path, run: Keeper | None = None) -> None:
        self.path = Path(output_dir) / COST_FILE
        self.run = run
        self.seconds = self.processor_seconds = 0.0
        self._steps: list[float] = []
        self._step_began = self._mark = self._processor_mark = 0.0
        self._epoch = 0  # the last completed epoch that has not been logged; 0 if there is none

    def attach(self, engine: Any) -> None:
        """Register with a trainer, before handlers whose work at the end of an iteration must not be counted."""
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_STARTED, self._begin_step)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._end_step)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._end_epoch)
        # Validation runs at the end of the epoch too, after this handler; so the numbers are complete at the next event.
        engine.add_event_handler(Events.EPOCH_STARTED, self._log)
        engine.add_event_handler(Events.COMPLETED, self._log)

    @property
    def spent(self) -> float:
        """Return the wall clock of the training until now, s."""
        return self.seconds + time.perf_counter() - self._mark

    def _start(self, engine: Any) -> None:
        resumed = engine.state.iteration > 0 and self.path.is_file()
        before = json.loads(self.path.read_text()) if resumed else {}
        self.seconds, self.processor_seconds = (
            float(before.get(f"{kind}_seconds", 0.0)) for kind in ("training", "processor")
        )
        self._steps, self._epoch = [], 0
        self._mark, self._processor_mark = time.perf_counter(), time.process_time()

    def _begin_step(self, engine: Any) -> None:
        _wait_for(engine.state.device)
        self._step_began = time.perf_counter()

    def _end_step(self, engine: Any) -> None:
        _wait_for(engine.state.device)
        self._steps.append(time.perf_counter() - self._step_began)

    def _end_epoch(self, engine: Any) -> None:
        self._epoch = engine.state.epoch

    def _log(self, engine: Any) -> None:
        if not self._epoch:
            return
        self.seconds, self._mark = self.spent, time.perf_counter()
        self.processor_seconds += time.process_time() - self._processor_mark
        self._processor_mark = time.process_time()
        cost = {
            "parameters": sum(parameter.numel() for parameter in engine.network.parameters()),
            "step_seconds": median(self._steps),
            "training_seconds": self.seconds,
            "processor_seconds": self.processor_seconds,
        }
        if idist.get_rank() == 0:
            write_whole(self.path, json.dumps(cost | {"epoch": self._epoch}) + "\n")
        if self.run is not None:
            self.run.keep(cost, self._epoch)
        self._epoch = 0


def _wait_for(device: Any) -> None:
    """Wait until a GPU has finished its work, which it does asynchronously."""
    import torch

    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
