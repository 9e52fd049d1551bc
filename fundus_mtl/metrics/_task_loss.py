"""Each task's loss over an epoch and their sum, as ignite metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ignite.metrics import Metric


class TaskLoss(Metric):
    """Mean loss of one task over the labelled samples of an epoch; NaN if none is labelled.

    Reads ``loss_<task>`` and ``labelled_<task>`` from the output of a trainer or evaluator.

    Args:
        task: its name.
    """

    def __init__(self, task: str) -> None:
        self.task = task
        super().__init__(output_transform=_first)

    def reset(self) -> None:
        """Start an epoch."""
        self.total, self.count = 0.0, 0

    def update(self, output: tuple[Mapping[str, Any]]) -> None:
        """Add a batch's mean, weighted by its number of labelled samples."""
        (sample,) = output
        if f"loss_{self.task}" in sample:
            count = int(sample[f"labelled_{self.task}"])
            self.total += float(sample[f"loss_{self.task}"]) * count
            self.count += count

    def compute(self) -> float:
        """Return the mean."""
        return self.total / self.count if self.count else math.nan


class NegativeLossSum(Metric):
    """Minus the sum of the tasks' losses: higher is better, which is MTL-IO's choice of the best model.

    Tasks without a labelled sample are left out; NaN if there is none with.

    Args:
        tasks: anything with a ``name``.
    """

    def __init__(self, tasks: Sequence[Any]) -> None:
        self.parts = [TaskLoss(task.name) for task in tasks]
        super().__init__(output_transform=_first)

    def reset(self) -> None:
        """Start an epoch."""
        for part in self.parts:
            part.reset()

    def update(self, output: tuple[Mapping[str, Any]]) -> None:
        """Add a batch."""
        for part in self.parts:
            part.update(output)

    def compute(self) -> float:
        """Return minus the sum."""
        # By count, not by value: a task that has diverged to NaN must not make the model look better.
        known = [part.compute() for part in self.parts if part.count]
        return -sum(known) if known else math.nan


def task_losses(tasks: Sequence[Any], prefix: str) -> dict[str, TaskLoss]:
    """Return a ``TaskLoss`` per task, named ``<prefix>loss_<task>``, as MONAI's ``additional_metrics`` wants them."""
    return {f"{prefix}loss_{task.name}": TaskLoss(task.name) for task in tasks}


def _first(output: Any) -> tuple[Mapping[str, Any]]:
    """Take one sample: decollating copies the batch's losses into each. A tuple, since ignite refuses mappings."""
    return (output[0] if isinstance(output, list) else output,)
