"""Which cases to show: from the worst to the best in four equal strides, no matter which method looks good on them.

Source: Wu et al., MT-COOL, Fig. 2 shows the quartiles; here they are of the mean over methods, so that none is favoured.
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
    """Pick the cases that stand at the given shares of all, in rising order of a metric averaged over methods.

    Each method counts the same, however many trainings it has. Only cases that every method has a finite value of are
    ranked, or the mean would tell who measured them; a method without any value does not count. Ties are in the order of
    their ids as text.

    Args:
        cases: a row per training and case: columns ``id``, ``method`` and the metric.
        metric: the column.
        shares: from 0, the lowest, to 1, the highest; between two cases the nearest, of two as near the higher.

    Returns:
        The shares of each picked case by its id, in the order of the shares; with few cases, one may stand for several
        shares, and none is picked twice. Empty if no case can be ranked.

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
