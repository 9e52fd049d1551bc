"""Validation metrics during training, at the network's image size, chosen by the kind of each task."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from ignite.metrics import Metric
from numpy.typing import NDArray
from torch import Tensor

from fundus_mtl.metrics._accuracy import TaskAccuracy
from fundus_mtl.metrics._classification import auc
from fundus_mtl.metrics._dice import dice
from fundus_mtl.metrics._rank_correlation import rank_correlation
from fundus_mtl.metrics._task_loss import task_losses
from fundus_mtl.tasks import Task


class TaskAgreement(Metric):
    """Mean of a measure of prediction and label over the labelled samples; NaN if no sample could be measured.

    Reads ``pred_<task>``, ``<task>`` and ``<task>_present`` of decollated samples.

    Args:
        task: Name of the task.
        measure: Function of a prediction and a label ``(channels, ...)``; NaN if it does not apply.
    """

    def __init__(self, task: str, measure: Callable[[Tensor, Tensor], Any]) -> None:
        self.task, self.measure = task, measure
        super().__init__(output_transform=lambda samples: (samples,))

    def reset(self) -> None:
        """Reset the values at the start of an epoch."""
        self.values: list[Any] = []

    def update(self, output: tuple[list[dict[str, Any]]]) -> None:
        """Measure the labelled samples of a batch."""
        for sample in output[0]:
            if bool(sample[f"{self.task}_present"]):
                self.values.append(self.measure(sample[f"pred_{self.task}"], sample[self.task]))

    def compute(self) -> float:
        """Return the mean."""
        return float(torch.tensor(self.values, dtype=torch.float64).nanmean())


class TaskScores(TaskAgreement):
    """A measure of the scores and labels of all labelled samples together, for a task with one channel.

    Args:
        task: Name of the task.
        of_all: Function of scores and labels ``(N,)``; NaN if it does not apply.
    """

    def __init__(self, task: str, of_all: Callable[[NDArray[Any], NDArray[Any]], float]) -> None:
        self.of_all = of_all
        super().__init__(task, lambda pred, true: (float(pred), float(true)))

    def compute(self) -> float:
        """Return the measure."""
        scores, labels = np.array(self.values).reshape(-1, 2).T
        return self.of_all(scores, labels)


def validation_metrics(tasks: Sequence[Task], prefix: str = "val/") -> dict[str, Metric]:
    """Return the loss of each task and a metric that depends on its kind.

    * Segmentation: ``<prefix>dice_<task>``, Dice at threshold 0.5, mean of the channels.
    * Heatmap: ``<prefix>distance_<task>``, distance between the peaks, px of the network's input, and
      ``<prefix>peak_<task>``, the label at the predicted peak, as a share of its highest value.
    * Classification with one channel: ``<prefix>auc_<task>``, area under the ROC curve.
    * Classification with several channels: ``<prefix>acc_<task>``, accuracy from 0 to 1.
    * Regression with one channel: ``<prefix>mae_<task>``, mean absolute error in the label's unit, and
      ``<prefix>rank_<task>``, rank correlation; 0 if all predictions are equal, but the labels are not.

    Args:
        tasks: Tasks to measure.
        prefix: Prefix of the metric names.
    """
    metrics: dict[str, Metric] = dict(task_losses(tasks, prefix))
    for task in tasks:
        metrics |= {f"{prefix}{name}_{task.name}": metric for name, metric in _metrics_of(task).items()}
    return metrics


def leading_metric(task: Task) -> Metric | None:
    """Return the metric by which epochs of a task are compared: 1 if perfect, lower if worse, without a unit.

    Dice, peak, AUC, accuracy or rank correlation, see `validation_metrics`; None if the task has none of them.
    """
    return next((metric for name, metric in _metrics_of(task).items() if name in _LEADING), None)


_LEADING = ("dice", "peak", "auc", "acc", "rank")


def _metrics_of(task: Task) -> dict[str, Metric]:
    one = task.channels == 1
    if task.kind == "segmentation":
        return {"dice": TaskAgreement(task.name, _mean_dice)}
    if task.kind == "heatmap":
        return {"distance": TaskAgreement(task.name, _peak_distance), "peak": TaskAgreement(task.name, _label_at_peak)}
    if task.kind == "classification":
        return {"auc": TaskScores(task.name, auc)} if one else {"acc": TaskAccuracy(task.name)}
    measures = {"mae": _mean_absolute_error, "rank": _rank} if one else {}
    return {name: TaskScores(task.name, measure) for name, measure in measures.items()}


def _mean_dice(pred: Tensor, true: Tensor) -> float:
    channels = zip(pred.cpu().numpy(), true.cpu().numpy(), strict=True)
    return float(torch.tensor([dice(p > 0.5, t > 0.5) for p, t in channels]).nanmean())


def _mean_absolute_error(scores: NDArray[Any], labels: NDArray[Any]) -> float:
    return float(np.abs(scores - labels).mean()) if len(scores) else math.nan


def _rank(scores: NDArray[Any], labels: NDArray[Any]) -> float:
    constant = len(scores) > 1 and bool(np.ptp(scores) == 0 and np.ptp(labels) > 0)
    return 0.0 if constant else rank_correlation(scores, labels)


def _peak_distance(pred: Tensor, true: Tensor) -> float:
    peaks = [np.unravel_index(int(heatmap.argmax()), heatmap.shape) for heatmap in (pred[0], true[0])]
    return math.dist(*peaks)


def _label_at_peak(pred: Tensor, true: Tensor) -> float:
    """Return the label at the predicted peak as a share of its maximum: 1 at the true point, near 0 far from it."""
    return float(true[0].flatten()[int(pred[0].argmax())] / true[0].max())
