"""Accuracy of a classification: how often the class with the highest score is correct."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any

from ignite.metrics import Metric
from torch import Tensor


def correct(scores: Tensor, labels: Tensor) -> Tensor:
    """Return for which samples the class with the highest score is the labelled one.

    Args:
        scores: Logits or probabilities ``(N, classes)``; of equal scores the first counts.
        labels: One-hot labels ``(N, classes)``.

    Returns:
        A bool tensor ``(N,)``.

    Raises:
        ValueError: if the shapes differ.
    """
    if scores.shape != labels.shape:
        raise ValueError(f"labels: expected shape {tuple(scores.shape)}, one-hot, but got {tuple(labels.shape)}.")
    return scores.argmax(dim=1) == labels.argmax(dim=1)


class TaskAccuracy(Metric):
    """Accuracy of one task over the labelled samples of an epoch; NaN if no sample is labelled.

    Reads ``pred_<task>``, ``<task>`` and ``<task>_present`` of a batch, or of its samples if the engine decollates.

    Args:
        task: Name of the task.
    """

    def __init__(self, task: str) -> None:
        self.task = task
        super().__init__(output_transform=lambda output: (output,))  # ignite does not accept mappings

    def reset(self) -> None:
        """Reset the counts at the start of an epoch."""
        self.right, self.count = 0, 0

    def update(self, output: tuple[Any]) -> None:
        """Add a batch."""
        (found,) = output
        for batch in [found] if isinstance(found, Mapping) else [_as_batch(sample, self.task) for sample in found]:
            scores, labels, present = (batch[key] for key in (f"pred_{self.task}", self.task, f"{self.task}_present"))
            rows = present.to(labels.device).bool()
            self.right += int(correct(scores[rows.to(scores.device)], labels[rows].to(scores.device)).sum())
            self.count += int(rows.sum())

    def compute(self) -> float:
        """Return the accuracy, from 0 to 1."""
        return self.right / self.count if self.count else nan


def _as_batch(sample: Mapping[str, Any], task: str) -> dict[str, Tensor]:
    return {key: sample[key][None] for key in (f"pred_{task}", task, f"{task}_present")}
