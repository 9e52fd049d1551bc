"""The mean ROC curve of several trainings, its spread, and the area under it.

Sensitivities are averaged at equal 1 - specificity (vertical averaging, Fawcett, An introduction to ROC analysis, 2006,
section 8.2), at every bend of one of the curves, on the left and on the right of a jump, so that the area under the mean
is the mean of the areas.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Cases = tuple[Floats, Floats]  # scores, labels
LEVEL = 0.95


class MeanROC(NamedTuple):
    """A mean curve.

    Args:
        false_positive: ``(N,)``, 1 - specificity, rising; each value twice, for the left and the right of a jump.
        true_positive: ``(N,)``, mean sensitivity.
        low: ``(N,)``, lower edge of the band.
        high: ``(N,)``, upper edge of the band.
        area: mean area under the curve, 0 to 1.
        area_low: lower end of the area's interval, which is of the same kind as the band.
        area_high: upper end of the area's interval.
        trainings: number of curves.
    """

    false_positive: Floats
    true_positive: Floats
    low: Floats
    high: Floats
    area: float
    area_low: float
    area_high: float
    trainings: int


def mean_roc(trainings: Sequence[Cases], resamples: int = 500, seed: int = 0) -> MeanROC | None:
    """Return the mean ROC curve of the trainings with scores of both classes; None if there is none.

    Args:
        trainings: scores ``(N,)`` and labels ``(N,)``, 0 or 1, of each training; values that are not finite are skipped.
        resamples: number of bootstrap samples of the cases, drawn per class, for the 95 % band of a single training. With
            several trainings, the band is ± 1 standard deviation (n - 1).
        seed: seed of the bootstrap.
    """
    from fundus_mtl.metrics import auc, bootstrap_interval

    known = [(score[found], label[found]) for score, label in trainings for found in [np.isfinite(score + label)]]
    known = [cases for cases in known if len(np.unique(cases[1])) == 2]
    if not known:
        return None
    curves = [_curve(*cases) for cases in known]
    places = np.unique(np.concatenate([x for x, _ in curves]))
    heights = np.array([_heights(places, *curve) for curve in curves])
    areas = np.array([auc(*cases) for cases in known])
    mean, area = heights.mean(axis=0), float(areas.mean())
    if len(known) > 1:
        reach, area_reach = heights.std(axis=0, ddof=1), float(areas.std(ddof=1))
        low, high = np.clip(mean - reach, 0, 1), np.clip(mean + reach, 0, 1)
        ends = area - area_reach, area + area_reach
    else:
        score, label = known[0]
        low, high = _resampled(score, label, places, resamples, seed)
        ends = bootstrap_interval((score, label), auc, resamples, seed, LEVEL, strata=label)
    return MeanROC(np.repeat(places, 2), mean, low, high, area, *ends, len(known))


def _curve(score: Floats, label: Floats) -> tuple[Floats, Floats]:
    """Return 1 - specificity and sensitivity at every threshold, both rising from 0 to 1."""
    from sklearn.metrics import roc_curve

    false_positive, true_positive, _ = roc_curve(label, score, drop_intermediate=False)
    return false_positive, true_positive


def _heights(places: Floats, false_positive: Floats, true_positive: Floats) -> Floats:
    """Return the sensitivity on the left and the right of each place, ``(2 N,)``; zero on the left of the first."""
    right = np.interp(places, false_positive, true_positive)  # NumPy uses the last of several values at one place
    left = np.interp(-places, -false_positive[::-1], true_positive[::-1])
    return np.stack([left, right], axis=1).ravel()


def _resampled(score: Floats, label: Floats, places: Floats, resamples: int, seed: int) -> tuple[Floats, Floats]:
    """Return both edges of the bootstrap band; the number of cases per class is kept."""
    generator = np.random.default_rng(seed)
    members = [np.flatnonzero(label == kind) for kind in (0, 1)]
    heights = np.empty((resamples, 2 * len(places)))
    for draw in range(resamples):
        rows = np.concatenate([rows[generator.integers(0, len(rows), len(rows))] for rows in members])
        heights[draw] = _heights(places, *_curve(score[rows], label[rows]))
    low, high = np.quantile(heights, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high
