"""How well a score puts cases into the right order."""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata


def rank_correlation(scores: ArrayLike, labels: ArrayLike) -> float:
    r"""Return Spearman's :math:`\rho`, the correlation of the ranks, equal values sharing their mean rank.

    Source: Spearman, American Journal of Psychology 15, 1904.

    Args:
        scores: ``(N,)``, NaN where unknown.
        labels: ``(N,)``, NaN where unknown.

    Returns:
        From -1 to 1, no unit; NaN with fewer than two known cases, or if all scores or all labels are equal.

    Raises:
        ValueError: if the lengths differ.
    """
    score, label = (np.asarray(values, dtype=float).reshape(-1) for values in (scores, labels))
    if score.shape != label.shape:
        raise ValueError(f"labels: expected one per score ({len(score)}), but got {len(label)}.")
    known = np.isfinite(score) & np.isfinite(label)
    if not known.any():
        return nan
    ranks = [rankdata(values[known]) for values in (score, label)]
    centred = [values - values.mean() for values in ranks]
    spread = float(np.sqrt((centred[0] ** 2).sum() * (centred[1] ** 2).sum()))
    return float((centred[0] * centred[1]).sum()) / spread if spread else nan
