"""Choose the cases to show: the worst, the best, and the quartiles between, by the mean over all methods.

Source: quartiles as in Wu et al., MT-COOL, Fig. 2; here of the mean over methods, so that no method is favoured.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import TYPE_CHECKING, Any

from fundus_mtl.figures._plot_rows import checked_rows

if TYPE_CHECKING:
    import pandas as pd

QUARTILES = (0.0, 0.25, 0.5, 0.75, 1.0)


def quartile_cases(
    cases: pd.DataFrame, metric: str, shares: Sequence[float] = QUARTILES
) -> dict[Any, tuple[float, ...]]:
    """Return the cases at the given quantiles of a metric averaged over methods.

    All methods have the same weight, whatever their number of trainings. Only cases with a finite value of every method
    are ranked, because the means of the others are over different methods; methods without any value are ignored. Ties are
    ordered by id.

    Args:
        cases: one row per training and case: columns ``id``, ``method`` and the metric.
        metric: name of the column.
        shares: quantiles from 0, the lowest value, to 1, the highest; the nearest case is used, of two the higher one.

    Returns:
        The quantiles of each chosen case by its id, in their order; with few cases, a case may have several quantiles.
        Empty if no case can be ranked.

    Raises:
        ValueError: if a column or a row's method is missing, or a share is not between 0 and 1.
    """
    if wrong := [share for share in shares if not 0 <= share <= 1]:
        raise ValueError(f"shares: expected numbers from 0 to 1, but got {wrong[0]}.")
    rows = checked_rows("cases", cases, ("id", "method", metric), (metric,))
    if rows[metric].isna().all():
        return {}
    wide = rows.pivot_table(index="id", columns="method", values=metric, aggfunc="mean")
    means = wide.dropna(axis="columns", how="all").dropna().mean(axis=1)
    ranked = sorted(means.items(), key=lambda pair: (pair[1], str(pair[0])))
    picked: dict[Any, tuple[float, ...]] = {}
    for share in shares if ranked else ():
        case = ranked[floor(share * (len(ranked) - 1) + 0.5)][0]
        picked[case] = (*picked.get(case, ()), share)
    return picked
