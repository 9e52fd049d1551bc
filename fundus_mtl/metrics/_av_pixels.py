r"""Pixel metrics of one structure on one set of pixels; no units.

With true and false positives and negatives counted on that set:
:math:`\mathrm{acc} = (TP + TN) / n`, :math:`F_1 = 2TP / (2TP + FP + FN)`, :math:`\mathrm{sens} = TP / (TP + FN)`,
:math:`\mathrm{spec} = TN / (TN + FP)`. The area under the receiver operating characteristic is the Mann-Whitney
statistic: of all pairs of a pixel inside and a pixel outside the structure, the fraction in which the first has the
higher probability; equal probabilities count half. It is exact (sorting and two binary searches, no bins).

A quotient 0/0 is NaN, because nothing could be measured.
"""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.metrics._av_truth import Mask


def ratio(part: float, whole: float) -> float:
    """Return ``part / whole``; NaN if ``whole`` is 0."""
    return part / whole if whole else nan


def confusion(pred: Mask, true: Mask, pixels: Mask) -> dict[str, float]:
    """Return ``acc``, ``f1``, ``sens`` and ``spec`` of a mask on a set of pixels; all arrays are ``(H, W)``."""
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
    """Return the accuracy on a set of pixels ``(H, W)`` if every pixel is predicted as background."""
    return ratio(int(np.count_nonzero(pixels & ~true)), int(np.count_nonzero(pixels)))


def pixel_auc(prob: NDArray[np.floating], true: Mask, pixels: Mask) -> float:
    """Return the area under the receiver operating characteristic of ``(H, W)`` probabilities on a set of pixels."""
    inside, outside = np.sort(prob[pixels & true]), np.sort(prob[pixels & ~true])
    below, not_above = (int(np.searchsorted(outside, inside, side).sum()) for side in ("left", "right"))
    return ratio(0.5 * (below + not_above), len(inside) * len(outside))
