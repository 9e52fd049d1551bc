"""Loss of each task over an epoch, and the sum of these losses, as ignite metrics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ignite.metrics import Metric


class TaskLoss(Metric):
    """Mean loss of one task over the labelled samples of an epoch; NaN if none is labelled.

    Reads ``loss_<task>`` and ``labelled_<task>`` from the output of a trainer or evaluator.

    Args:
        task: Name of the task.
    """

    def __init__(self, task: str) -> None:
        self.task = task
        super().__init__(output_transform=_first)

    def reset(self) -> None:
        """Reset the sums at the start of an epoch."""
        self.total, self.count = 0.0, 0

    def update(self, output: tuple[Mapping[str, Any]]) -> None:
        """Add the mean loss of a batch, weighted by its number of labelled samples."""
        (sample,) = output
        if f"loss_{self.task}" in sample:
            count = int(sample[f"labelled_{self.task}"])
            self.total += float(sample[f"loss_{self.task}"]) * count
            self.count += count

    def compute(self) -> float:
        """Return the mean loss."""
        return self.total / self.count if self.count else math.nan


class NegativeLossSum(Metric):
    """Negative sum of the tasks' losses. Higher is better; MTL-IO selects its best model by it.

    Tasks without a labelled sample are left out; NaN if no task has one.

    Args:
        tasks: Objects with a ``name``.
    """

    def __init__(self, tasks: Sequence[Any]) -> None:
        self.parts = [TaskLoss(task.name) for task in tasks]
        super().__init__(output_transform=_first)

    def reset(self) -> None:
        """Reset the sums at the start of an epoch."""
        for part in self.parts:
            part.reset()

    def update(self, output: tuple[Mapping[str, Any]]) -> None:
        """Add a batch."""
        for part in self.parts:
            part.update(output)

    def compute(self) -> float:
        """Return the negative sum."""
        # Selected by count, not by value: a loss of NaN must make the sum NaN, not improve it.
        known = [part.compute() for part in self.parts if part.count]
        return -sum(known) if known else math.nan


def task_losses(tasks: Sequence[Any], prefix: str) -> dict[str, TaskLoss]:
    """Return a ``TaskLoss`` per task, named ``<prefix>loss_<task>``, for MONAI's ``additional_metrics``."""
    return {f"{prefix}loss_{task.name}": TaskLoss(task.name) for task in tasks}


def _first(output: Any) -> tuple[Mapping[str, Any]]:
    """Return one sample, because decollating copies the losses of a batch into each sample.

    The sample is wrapped in a tuple, because ignite does not accept mappings.
    """
    return (output[0] if isinstance(output, list) else output,)
