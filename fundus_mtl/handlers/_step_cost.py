"""What a training costs: the number of parameters, and the seconds of a step."""

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
    """Whoever takes numbers of a step, such as `RunHandler`."""

    def keep(self, values: Mapping[str, Any], step: int) -> None:
        """Take the numbers."""


class StepCost:
    """Measure what the method itself costs, without changing anything that is random.

    A step lasts from the iteration's start to its end, without loading the data and without validation; the median over
    the iterations of this process is not moved by the slow first ones. Written to ``cost.json`` after every epoch and its
    validation, and kept for the MLflow run: ``parameters`` (of the network), ``step_seconds`` (wall clock) and
    ``training_seconds`` (of all epochs so far with their validations, also those before a resume; an epoch that was cut
    short is made again, and counts once).

    Args:
        output_dir: of the training.
        run: that keeps the numbers too; None for the file only.
    """

    def __init__(self, output_dir: str | Path, run: Keeper | None = None) -> None:
        self.path = Path(output_dir) / COST_FILE
        self.run = run
        self.seconds = 0.0
        self._steps: list[float] = []
        self._step_began = self._mark = 0.0
        self._epoch = 0  # the last one that ended, until it is told

    def attach(self, engine: Any) -> None:
        """Listen to a trainer; stand before handlers whose own work at the end of an iteration is not to count."""
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_STARTED, self._begin_step)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self._end_step)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self._end_epoch)
        # The validation is a handler of the epoch's end too, and comes later: the next event is the first that knows.
        engine.add_event_handler(Events.EPOCH_STARTED, self._tell)
        engine.add_event_handler(Events.COMPLETED, self._tell)

    @property
    def spent(self) -> float:
        """Return the training's seconds until now."""
        return self.seconds + time.perf_counter() - self._mark

    def _start(self, engine: Any) -> None:
        resumed = engine.state.iteration > 0 and self.path.is_file()
        self.seconds = float(json.loads(self.path.read_text())["training_seconds"]) if resumed else 0.0
        self._steps, self._epoch, self._mark = [], 0, time.perf_counter()

    def _begin_step(self, engine: Any) -> None:
        _wait_for(engine.state.device)
        self._step_began = time.perf_counter()

    def _end_step(self, engine: Any) -> None:
        _wait_for(engine.state.device)
        self._steps.append(time.perf_counter() - self._step_began)

    def _end_epoch(self, engine: Any) -> None:
        self._epoch = engine.state.epoch

    def _tell(self, engine: Any) -> None:
        if not self._epoch:
            return
        self.seconds, self._mark = self.spent, time.perf_counter()
        size = sum(parameter.numel() for parameter in engine.network.parameters())
        cost = {"parameters": size, "step_seconds": median(self._steps), "training_seconds": self.seconds}
        if idist.get_rank() == 0:
            write_whole(self.path, json.dumps(cost | {"epoch": self._epoch}) + "\n")
        if self.run is not None:
            self.run.keep(cost, self._epoch)
        self._epoch = 0


def _wait_for(device: Any) -> None:
    """Let a GPU come to the end of what it was given: it works while Python runs ahead."""
    import torch

    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
