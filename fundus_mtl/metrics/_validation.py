"""Validation metrics during training, at the network's image size: one metric per task, chosen by its kind."""

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


def validation_metrics(tasks: Sequence[Task], prefix: str = "val_") -> dict[str, Metric]:
    """Return the loss of each task and a metric that depends on its kind.

    * Segmentation: ``<prefix>dice_<task>``, Dice at threshold 0.5, mean of the channels.
    * Heatmap: ``<prefix>distance_<task>``, distance between the peaks, px of the network's input.
    * Classification with one channel: ``<prefix>auc_<task>``, area under the ROC curve.
    * Classification with several channels: ``<prefix>acc_<task>``, accuracy from 0 to 1.
    * Regression with one channel: ``<prefix>mae_<task>``, mean absolute error in the label's unit, and
      ``<prefix>rank_<task>``, rank correlation.

    Args:
        tasks: Tasks to measure.
        prefix: Prefix of the metric names.
    """
    metrics: dict[str, Metric] = dict(task_losses(tasks, prefix))
    for task in tasks:
        if task.kind == "segmentation":
            metrics[f"{prefix}dice_{task.name}"] = TaskAgreement(task.name, _mean_dice)
        elif task.kind == "heatmap":
            metrics[f"{prefix}distance_{task.name}"] = TaskAgreement(task.name, _peak_distance)
        elif task.kind == "classification" and task.channels == 1:
            metrics[f"{prefix}auc_{task.name}"] = TaskScores(task.name, auc)
        elif task.kind == "classification":
            metrics[f"{prefix}acc_{task.name}"] = TaskAccuracy(task.name)
        elif task.channels == 1:
            metrics[f"{prefix}mae_{task.name}"] = TaskScores(task.name, _mean_absolute_error)
            metrics[f"{prefix}rank_{task.name}"] = TaskScores(task.name, rank_correlation)
    return metrics


def _mean_dice(pred: Tensor, true: Tensor) -> float:
    channels = zip(pred.cpu().numpy(), true.cpu().numpy(), strict=True)
    return float(torch.tensor([dice(p > 0.5, t > 0.5) for p, t in channels]).nanmean())


def _mean_absolute_error(scores: NDArray[Any], labels: NDArray[Any]) -> float:
    return float(np.abs(scores - labels).mean()) if len(scores) else math.nan


def _peak_distance(pred: Tensor, true: Tensor) -> float:
    peaks = [np.unravel_index(int(heatmap.argmax()), heatmap.shape) for heatmap in (pred[0], true[0])]
    return math.dist(*peaks)
