"""Metrics of the REFUGE challenge, computed as in its official evaluation code, including its defects.

Source: Orlando et al., REFUGE Challenge, Medical Image Analysis 2020, and the code ``refuge-evaluation`` of its
    organisers.

Use these metrics only to compare with published numbers; `fundus_mtl.metrics` and `fundus_mtl.biomarkers` have the
correct versions. Masks are REFUGE codes, ``(H, W)`` uint8: 0 is cup, below 255 is disc (including the cup), 255 is
background.

Deviations: the official code raises a division by zero if both masks lack a structure, and the whole submission fails;
here that Dice is NaN. Cases without a label or a prediction are left out, so that they do not make a mean NaN.
"""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_mtl.biomarkers import bounds, refuge_vertical_cdr
from fundus_mtl.metrics._classification import known_cases
from fundus_mtl.metrics._dice import dice

CUP, RIM, BACKGROUND = 0, 128, 255


def encode(disc: ArrayLike, cup: ArrayLike) -> NDArray[np.uint8]:
    """Return the REFUGE codes of two masks ``(H, W)``, nonzero inside the structure; the cup always counts as disc too.

    Raises:
        ValueError: if the shapes differ or are not 2-D.
    """
    disc_mask, cup_mask = np.asarray(disc).astype(bool, copy=False), np.asarray(cup).astype(bool, copy=False)
    if disc_mask.shape != cup_mask.shape or disc_mask.ndim != 2:
        raise ValueError(f"disc and cup: expected one shape (H, W), but got {disc_mask.shape} and {cup_mask.shape}.")
    codes = np.full(disc_mask.shape, BACKGROUND, np.uint8)
    for mask, code in ((disc_mask, RIM), (cup_mask, CUP)):
        if (box := bounds(mask)) is not None:  # a thousandth of the photograph
            codes[box][mask[box]] = code
    return codes


def segmentation(pred: ArrayLike, true: ArrayLike) -> dict[str, float]:
    """Compare a segmentation with the truth.

    Args:
        pred: REFUGE codes ``(H, W)``.
        true: REFUGE codes ``(H, W)``.

    Returns:
        ``cup_dice`` and ``disc_dice``, NaN if both masks lack the structure; ``vcdr_pred`` and ``vcdr_true``, the
        vertical cup-to-disc ratios from the columns with most pixels, 0 if a structure is missing; ``ae_cdr``, the
        absolute difference of the two. No units.

    Raises:
        ValueError: if the shapes differ or are not 2-D.
    """
    found, wanted = np.asarray(pred), np.asarray(true)
    vcdr_pred, vcdr_true = refuge_vertical_cdr(found), refuge_vertical_cdr(wanted)
    return {
        "cup_dice": dice(found == CUP, wanted == CUP),
        "disc_dice": dice(found < BACKGROUND, wanted < BACKGROUND),
        "vcdr_pred": vcdr_pred,
        "vcdr_true": vcdr_true,
        "ae_cdr": abs(vcdr_pred - vcdr_true),
    }


def reference_sensitivity(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return REFUGE's "sensitivity at a specificity of 0.85", including its defect.

    The official code interpolates scikit-learn's ROC curve as if sensitivity were a function of specificity. Where the
    curve is vertical it is not a function: the interpolation connects the highest sensitivity of one specificity with
    the lowest of the next, so that a perfect classifier gets 0.15. The result also depends on the first point of
    scikit-learn's curve. Use `fundus_mtl.metrics.sensitivity_at_specificity` for the correct value.

    Args:
        scores: Scores ``(N,)``; a higher score means more likely glaucoma.
        labels: Labels ``(N,)``, 0 or 1; cases with a NaN are left out.

    Returns:
        The sensitivity, from 0 to 1; NaN with fewer than two classes.
    """
    from scipy.interpolate import interp1d
    from sklearn.metrics import roc_curve

    score, label = known_cases(scores, labels)
    if len(np.unique(label)) < 2:
        return nan
    false_positive, true_positive, _ = roc_curve(label, score)
    return float(interp1d(1 - false_positive, true_positive)(0.85))


def fovea_error(pred_xy: ArrayLike, true_xy: ArrayLike) -> float:
    """Return the mean Euclidean distance of points.

    Args:
        pred_xy: One predicted point ``(2,)`` or several ``(N, 2)``, ``(x, y)`` in native px.
        true_xy: True points, of the same shape.

    Returns:
        The distance in native px. Points with a NaN on either side are left out; NaN if none remains.

    Raises:
        ValueError: if the shapes differ, or the last axis is not a pair.
    """
    pred, true = np.asarray(pred_xy, dtype=float), np.asarray(true_xy, dtype=float)
    if pred.shape != true.shape or pred.ndim not in (1, 2) or pred.shape[-1] != 2:
        raise ValueError(f"points: expected the same shape (2,) or (N, 2), but got {pred.shape} and {true.shape}.")
    distances = np.atleast_1d(np.sqrt(((pred - true) ** 2).sum(axis=-1)))
    known = distances[~np.isnan(distances)]
    return float(known.mean()) if len(known) else nan
