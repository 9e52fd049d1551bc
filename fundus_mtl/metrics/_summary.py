"""Summarise rows per photograph: one number per measure, with interval, count, unit and definition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from fundus_mtl.metrics._bootstrap import bootstrap_interval
from fundus_mtl.metrics._measures import SummaryMeasure, refuge_measures

if TYPE_CHECKING:
    import pandas as pd

HEADER = ("metric", "value", "low", "high", "n", "unit", "definition", "note")


def summarise(
    rows: pd.DataFrame,
    threshold: float = 0.5,
    specificity: float = 0.85,
    n: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Summarise the rows of `RefugeCase`.

    Args:
        rows: One row per case; a missing column counts as all NaN.
        threshold: Smallest probability that counts as positive.
        specificity: Smallest specificity for ``sensitivity_at_specificity_*``.
        n: Number of bootstrap resamples of the cases (within each class for scores); 0 for no intervals.
        seed: Seed of the resampling.
        level: Confidence level of the intervals.

    Returns:
        One row per measure: ``metric, value, low, high, n, unit, definition, note``. ``n`` is the number of cases that
        have the value. Value and interval are NaN if they are undefined, with the reason in ``note``.
    """
    return summarise_measures(rows, refuge_measures(threshold, specificity), n, seed, level)


def summarise_measures(
    rows: pd.DataFrame, measures: Sequence[SummaryMeasure], n: int = 1000, seed: int = 0, level: float = 0.95
) -> pd.DataFrame:
    """Evaluate measures over rows; arguments and return value as in `summarise`."""
    import pandas as pd

    interval = partial(bootstrap_interval, n=n, seed=seed, level=level)
    return pd.DataFrame([_line(measure, rows, interval) for measure in measures], columns=list(HEADER))


def _line(measure: SummaryMeasure, rows: pd.DataFrame, interval: Callable[..., tuple[float, float]]) -> dict[str, Any]:
    """Evaluate one measure."""
    absent = np.full(len(rows), nan)
    table = np.array([rows.get(name, absent) for name in measure.columns], dtype=float)
    known = table[:, ~np.isnan(table).any(axis=0)]
    cases, classes = known.shape[1], known[-1] if measure.classes else None
    value = measure.statistic(*known) if cases else nan
    low, high = (nan, nan) if np.isnan(value) else interval(tuple(known), measure.statistic, strata=classes)
    note = _note(len(rows), cases, classes, value)
    numbers = {"metric": measure.metric, "value": value, "low": low, "high": high, "n": cases}
    return {**numbers, "unit": measure.unit, "definition": measure.definition, "note": note}


def _note(total: int, cases: int, classes: np.ndarray | None, value: float) -> str:
    """Return a remark on the cases behind a number, or the reason why it is NaN."""
    if not cases:
        return "no case has a value"
    remarks = [] if classes is None else [f"{int(classes.sum())} of {cases} positive"]
    if np.isnan(value):
        remarks.append("not enough different values" if classes is None else "a class is missing")
    if cases == 1:
        remarks.append("one case has no interval")
    if cases < total:
        remarks.append(f"missing in {total - cases} of {total} cases")
    return "; ".join(remarks)
