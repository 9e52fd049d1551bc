r"""How well a structure's pixels are found, on one set of pixels; no units.

With true and false positives and negatives counted on that set:
:math:`\mathrm{acc} = (TP + TN) / n`, :math:`F_1 = 2TP / (2TP + FP + FN)`, :math:`\mathrm{sens} = TP / (TP + FN)`,
:math:`\mathrm{spec} = TN / (TN + FP)`. The area under the receiver operating characteristic is the Mann-Whitney
statistic: of all pairs of a pixel inside and one outside the structure, the share in which the first has the higher
probability, equal ones counting half. It is exact: sorting and two binary searches, no bins.

A quotient 0/0 is NaN: there was nothing to measure.
"""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.metrics._av_truth import Mask


def ratio(part: float, whole: float) -> float:
    """Return ``part / whole``, NaN where the whole is 0."""
    return part / whole if whole else nan


def confusion(pred: Mask, true: Mask, pixels: Mask) -> dict[str, float]:
    """Return ``acc``, ``f1``, ``sens`` and ``spec`` of a mask on some pixels, all ``(H, W)``."""
    found, wanted = pred & pixels, true & pixels
    both, predicted, positive, n = (int(np.count_nonzero(mask)) for mask in (found & true, found, wanted, pixels))
    negative, rejected = n - positive, n - predicted - positive + both
    return {
        "acc": ratio(both + rejected, n),
        "f1": ratio(2 * both, predicted + positive),
        "sens": ratio(both, positive),
        "spec": ratio(rejected, negative),
    }


def background_accuracy(true: Mask, pixels: Mask) -> float:
    """Return the accuracy, on some pixels ``(H, W)``, of the guess that there is no structure at all."""
    return ratio(int(np.count_nonzero(pixels & ~true)), int(np.count_nonzero(pixels)))


def pixel_auc(prob: NDArray[np.floating], true: Mask, pixels: Mask) -> float:
    """Return the area under the receiver operating characteristic of ``(H, W)`` probabilities on some pixels."""
    inside, outside = np.sort(prob[pixels & true]), np.sort(prob[pixels & ~true])
    below, not_above = (int(np.searchsorted(outside, inside, side).sum()) for side in ("left", "right"))
    return ratio(0.5 * (below + not_above), len(inside) * len(outside))
