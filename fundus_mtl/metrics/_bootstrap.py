"""How far a number could lie elsewhere if other cases had been drawn: the percentile bootstrap.

Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13. Cases are drawn with replacement, as
    many as
there are; with strata, as many from each stratum as it has. The interval holds the middle of the statistic's values.
It counts every case as independent: two eyes of one patient are not, and make it too narrow.
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
        values: one array ``(N,)``, or a tuple of arrays whose rows belong together, such as scores and labels. Cases
            with a NaN in any of them are left out.
        statistic: called with as many arrays as there are; a resample for which it is NaN does not count.
        n: number of resamples.
        seed: of the resampling; the same seed gives the same interval.
        level: the share of resamples between the two bounds, from 0 to 1.
        strata: ``(N,)``, resampled one by one, so that no class dies out, as the area under the curve needs.

    Returns:
        The lower and the upper bound, in the statistic's unit; NaN with fewer than two cases, since one says nothing
        of spread.

    Raises:
        ValueError: if the arrays differ in length, or the level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level: expected a share between 0 and 1, but got {level}.")
    columns = [np.asarray(column, dtype=float) for column in (values if isinstance(values, tuple) else (values,))]
    groups = np.zeros(len(columns[0])) if strata is None else np.asarray(strata, dtype=float)
    if len({len(column) for column in (*columns, groups)}) > 1:
        raise ValueError(f"values: expected arrays of one length, but got {[len(c) for c in (*columns, groups)]}.")
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
    """Return the bounds of the middle share of the results; NaN where there are none."""
    if not len(results):
        return nan, nan
    low, high = np.quantile(results, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
