"""Confidence intervals by the percentile bootstrap.

Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13. Each resample draws as many cases as
    exist, with replacement; with strata, as many from each stratum as it contains. The interval contains the central
    part of the statistic's values. All cases count as independent. Two eyes of one patient are not independent and make
    the interval too narrow.
"""

from __future__ import annotations

from collections.abc import Callable
from math import nan

import numpy as np
from numpy.typing import ArrayLike


def bootstrap_interval(
    values: ArrayLike | tuple[ArrayLike, ...],
    statistic: Callable[..., float],
    n: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    strata: ArrayLike | None = None,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a statistic over cases.

    Args:
        values: One array ``(N,)``, or a tuple of arrays whose rows belong together, for example scores and labels.
            Cases with a NaN in any of the arrays are left out.
        statistic: Function of the resampled arrays. Resamples for which it returns NaN are ignored.
        n: Number of resamples.
        seed: Seed of the resampling; the same seed gives the same interval.
        level: Fraction of resamples between the two bounds, from 0 to 1.
        strata: Strata ``(N,)``, each resampled separately. Pass the labels for the area under the curve, so that every
            resample contains both classes. Optional.

    Returns:
        The lower and the upper bound, in the unit of the statistic; NaN with fewer than two cases, because one case has
        no spread.

    Raises:
        ValueError: if the arrays differ in length, or the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level: expected a share between 0 and 1, but got {level}.")
    columns = [np.asarray(column, dtype=float) for column in (values if isinstance(values, tuple) else (values,))]
    groups = np.zeros(len(columns[0])) if strata is None else np.asarray(strata, dtype=float)
    if len({len(column) for column in (*columns, groups)}) > 1:
        raise ValueError(f"values: expected arrays of equal length, but got {[len(c) for c in (*columns, groups)]}.")
    known = ~np.isnan([*columns, groups]).any(axis=0)
    if known.sum() < 2:
        return nan, nan
    columns = [column[known] for column in columns]
    members = [np.flatnonzero(groups[known] == group) for group in np.unique(groups[known])]
    generator = np.random.default_rng(seed)
    results = np.empty(n)
    for draw in range(n):
        rows = np.concatenate([rows[generator.integers(0, len(rows), len(rows))] for rows in members])
        results[draw] = statistic(*(column[rows] for column in columns))
    return _middle(results[~np.isnan(results)], level)


def _middle(results: np.ndarray, level: float) -> tuple[float, float]:
    """Return the bounds of the central part of the results; NaN if there are no results."""
    if not len(results):
        return nan, nan
    low, high = np.quantile(results, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
