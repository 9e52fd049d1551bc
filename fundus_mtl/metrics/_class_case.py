"""Measure the classification of one image as one table row, and summarise the rows as accuracy per task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from fundus_mtl.metrics._accuracy import correct
from fundus_mtl.metrics._measures import SummaryMeasure
from fundus_mtl.metrics._summary import summarise_measures
from fundus_mtl.tasks import Task

if TYPE_CHECKING:
    import pandas as pd


class ClassCase:
    """Measure one sample: ``pred_<task> (classes,)``, ``<task> (classes,)`` one-hot, ``<task>_present``.

    Args:
        tasks: Classification tasks to compare.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = tuple(tasks)

    def __call__(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return ``id`` and, per task, ``_true`` and ``_pred`` (class from 0), ``_prob`` of the latter, ``_correct``.

        ``_correct`` is 0 or 1. Without a label ``_true`` and ``_correct`` are NaN.

        Raises:
            ValueError: if prediction and label differ in shape.
        """
        row: dict[str, Any] = {"id": str(sample["id"])}
        for task in self.tasks:
            pred, true = sample[f"pred_{task.name}"], sample[task.name]
            known = bool(sample[f"{task.name}_present"])
            row |= {
                f"{task.name}_true": int(true.argmax()) if known else nan,
                f"{task.name}_pred": int(pred.argmax()),
                f"{task.name}_prob": float(pred.max()),
                f"{task.name}_correct": float(correct(pred[None], true[None].to(pred.device))) if known else nan,
            }
        return row


def summarise_classes(
    rows: pd.DataFrame, tasks: Sequence[Task], n: int = 1000, seed: int = 0, level: float = 0.95
) -> pd.DataFrame:
    """Summarise the rows of `ClassCase` as ``acc_<task>_percent``, the accuracy over the labelled images.

    Args:
        rows: One row per image.
        tasks: Tasks of `ClassCase`.
        n: Number of bootstrap resamples; 0 for no intervals.
        seed: Seed of the resampling.
        level: Confidence level of the intervals.

    Returns:
        A table as in `summarise`.
    """
    measures = [
        SummaryMeasure(f"acc_{task.name}_percent", (f"{task.name}_correct",), _percent, "%", _DEFINITION)
        for task in tasks
    ]
    return summarise_measures(rows, measures, n, seed, level)


_DEFINITION = "share of the labelled images whose class with the highest score is correct"


def _percent(values: np.ndarray) -> float:
    return 100 * float(np.mean(values))
