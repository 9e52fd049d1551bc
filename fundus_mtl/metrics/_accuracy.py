"""How often the likeliest class is the right one."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any

from ignite.metrics import Metric
from torch import Tensor


def correct(scores: Tensor, labels: Tensor) -> Tensor:
    """Tell for which samples the highest score is that of the labelled class.

    Args:
        scores: logits or probabilities ``(N, classes)``; the first of equal ones counts.
        labels: one-hot ``(N, classes)``.

    Returns:
        bool ``(N,)``.

    Raises:
        ValueError: if the shapes differ.
    """
    if scores.shape != labels.shape:
        raise ValueError(f"labels: expected shape {tuple(scores.shape)}, one-hot, but got {tuple(labels.shape)}.")
    return scores.argmax(dim=1) == labels.argmax(dim=1)


class TaskAccuracy(Metric):
    """Share of the labelled samples of an epoch whose likeliest class of one task is the right one; NaN if there is none.

    Reads ``pred_<task>``, ``<task>`` and ``<task>_present`` of a batch, or of its samples where an engine decollates.

    Args:
        task: the task's name.
    """

    def __init__(self, task: str) -> None:
        self.task = task
        super().__init__(output_transform=lambda output: (output,))  # ignite refuses mappings

    def reset(self) -> None:
        """Start an epoch."""
        self.right, self.count = 0, 0

    def update(self, output: tuple[Any]) -> None:
        """Count a batch."""
        (found,) = output
        for batch in [found] if isinstance(found, Mapping) else [_as_batch(sample, self.task) for sample in found]:
            scores, labels, present = (batch[key] for key in (f"pred_{self.task}", self.task, f"{self.task}_present"))
            rows = present.to(labels.device).bool()
            self.right += int(correct(scores[rows.to(scores.device)], labels[rows].to(scores.device)).sum())
            self.count += int(rows.sum())

    def compute(self) -> float:
        """Return the share, from 0 to 1."""
        return self.right / self.count if self.count else nan


def _as_batch(sample: Mapping[str, Any], task: str) -> dict[str, Tensor]:
    return {key: sample[key][None] for key in (f"pred_{task}", task, f"{task}_present")}
