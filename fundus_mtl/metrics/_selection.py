"""Rules that select the epoch whose weights are kept, as ignite metrics: the highest value wins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ignite.engine import Engine
from ignite.metrics import Metric
from torch import Tensor

from fundus_mtl.metrics._task_loss import NegativeLossSum
from fundus_mtl.metrics._validation import leading_metric
from fundus_mtl.tasks import Task


class MeanTaskMetric(Metric):
    """Mean over the tasks of one validation metric each: Dice, peak, AUC, accuracy or rank correlation.

    All of them are 1 for a perfect network and fall as it gets worse, see `leading_metric`, so that tasks count equally
    whatever the size of their losses.

    * A task that cannot be measured is left out: no sample has a label, or all labels are equal.
    * A prediction that is not finite makes the whole value NaN: a broken task must not improve the mean by its absence.
    * NaN if no task can be measured.

    Args:
        tasks: Tasks to measure; those whose kind has no such metric (a regression of several numbers) are left out.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.parts = {task.name: part for task in tasks if (part := leading_metric(task)) is not None}
        super().__init__(output_transform=lambda output: (output,))  # ignite does not accept mappings

    def reset(self) -> None:
        """Reset the metrics of the tasks at the start of an epoch."""
        self.finite = True
        for part in self.parts.values():
            part.reset()

    def update(self, output: tuple[Any]) -> None:
        """Add a batch, or its samples if the engine decollates."""
        (found,) = output
        samples = [found] if isinstance(found, Mapping) else found
        self.finite = self.finite and all(_finite(sample[f"pred_{name}"]) for sample in samples for name in self.parts)
        for part in self.parts.values():
            part.update(output)

    def compute(self) -> float:
        """Return the mean, from -1 to 1."""
        known = [value for part in self.parts.values() if not math.isnan(value := float(part.compute()))]
        return sum(known) / len(known) if known and self.finite else math.nan


class EpochNumber(Metric):
    """Number of the epoch, so that the last validated epoch is always the best.

    For a schedule that ends with a low learning rate, and averaged weights: their last epoch needs no choice by a small
    validation set.

    Args:
        tasks: not used; all rules have the same arguments.
    """

    def __init__(self, tasks: Sequence[Task] = ()) -> None:
        self.epoch = 0
        super().__init__(output_transform=lambda output: (output,))

    def reset(self) -> None:
        """Do nothing: there is nothing to add up."""

    def update(self, output: tuple[Any]) -> None:
        """Do nothing."""

    def completed(self, engine: Engine, name: str) -> None:
        """Read the number of the epoch that the evaluator was started for."""
        self.epoch = engine.state.epoch
        super().completed(engine, name)

    def compute(self) -> float:
        """Return the number of the epoch."""
        return float(self.epoch)


SELECTION_RULES: Mapping[str, type[Metric]] = {
    "losses": NegativeLossSum,
    "metrics": MeanTaskMetric,
    "last": EpochNumber,
}


def selection_metric(rule: str, tasks: Sequence[Task]) -> Metric:
    """Return the key metric of a rule; the epoch with its highest value is kept, and the first one of equal epochs.

    Args:
        rule: ``losses`` for the lowest sum of the tasks' validation losses (`NegativeLossSum`), ``metrics`` for the highest
            mean of their validation metrics (`MeanTaskMetric`), ``last`` for the last epoch (`EpochNumber`).
        tasks: Tasks to measure.

    Raises:
        ValueError: if there is no such rule.
    """
    if rule not in SELECTION_RULES:
        raise ValueError(f"selection_rule: expected one of {', '.join(SELECTION_RULES)}, but got {rule}.")
    return SELECTION_RULES[rule](tasks)


def _finite(prediction: Tensor) -> bool:
    return bool(prediction.isfinite().all())
