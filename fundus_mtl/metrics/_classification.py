r"""Metrics of a score that separates positive cases (label 1) from negative cases (label 0); no unit.

A case is classified as positive if ``score >= threshold``. Cases whose score or label is NaN are left out. The area
under the receiver operating characteristic is the Mann-Whitney statistic (Hanley and McNeil, 1982), computed from the
ranks :math:`r_i` of all scores; equal scores get their mean rank:

.. math:: \mathrm{AUC} = \Bigl(\sum_{i: y_i = 1} r_i - \tfrac{n_1 (n_1 + 1)}{2}\Bigr) / (n_0 n_1).
"""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

Values = NDArray[np.float64]


def known_cases(scores: ArrayLike, labels: ArrayLike) -> tuple[Values, Values]:
    """Return scores and labels ``(N,)`` of the cases that have both.

    Raises:
        ValueError: if the lengths differ, or a label is neither 0 nor 1.
    """
    score, label = (np.asarray(values, dtype=float).reshape(-1) for values in (scores, labels))
    if score.shape != label.shape:
        raise ValueError(f"labels: expected one per score ({len(score)}), but got {len(label)}.")
    known = np.isfinite(score) & ~np.isnan(label)
    if not np.isin(label[known], (0, 1)).all():
        raise ValueError(f"labels: expected 0 or 1, but got {np.setdiff1d(label[known], (0, 1))[0]:g}; NaN is unknown.")
    return score[known], label[known]


def auc(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the area under the receiver operating characteristic.

    Args:
        scores: Scores ``(N,)``; a higher score means more likely positive.
        labels: Labels ``(N,)``, 0 or 1; NaN if unknown.

    Returns:
        The area, from 0 to 1; NaN with fewer than two classes.
    """
    score, label = known_cases(scores, labels)
    positives, negatives = int((label == 1).sum()), int((label == 0).sum())
    if not positives or not negatives:
        return nan
    ranks = float(rankdata(score)[label == 1].sum())
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def accuracy(scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5) -> float:
    """Return the fraction of correctly classified cases, from 0 to 1; NaN without cases. Arguments as in `auc`."""
    score, label = known_cases(scores, labels)
    return float(((score >= threshold) == (label == 1)).mean()) if len(label) else nan


def sensitivity(scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5) -> float:
    """Return the fraction of positive cases found, from 0 to 1; NaN without positive cases. Arguments as in `auc`."""
    score, label = known_cases(scores, labels)
    return float((score[label == 1] >= threshold).mean()) if (label == 1).any() else nan


def specificity(scores: ArrayLike, labels: ArrayLike, threshold: float = 0.5) -> float:
    """Return the fraction of negative cases found, from 0 to 1; NaN without negative cases. Arguments as in `auc`."""
    score, label = known_cases(scores, labels)
    return float((score[label == 0] < threshold).mean()) if (label == 0).any() else nan


def sensitivity_at_specificity(scores: ArrayLike, labels: ArrayLike, specificity: float = 0.85) -> float:
    """Return the highest sensitivity of all thresholds whose specificity is at least the given one.

    This is the rule of the AIROGS challenge, without interpolation between thresholds. The threshold is chosen on the
    same cases that it is evaluated on, so the number describes the ROC curve and not a device in use.

    Args:
        scores: Scores ``(N,)``; a higher score means more likely positive.
        labels: Labels ``(N,)``, 0 or 1; NaN if unknown.
        specificity: Smallest accepted specificity, from 0 to 1.

    Returns:
        The sensitivity, from 0 to 1; NaN with fewer than two classes.
    """
    score, label = known_cases(scores, labels)
    positive, negative = np.sort(score[label == 1]), np.sort(score[label == 0])
    if not len(positive) or not len(negative):
        return nan
    thresholds = np.append(positive, np.inf)  # thresholds between two positive scores only change specificity
    called_negative = np.searchsorted(negative, thresholds, side="left") / len(negative)
    called_positive = 1 - np.searchsorted(positive, thresholds, side="left") / len(positive)
    return float(called_positive[called_negative >= specificity].max())
