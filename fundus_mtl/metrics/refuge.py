"""The REFUGE challenge's own measures, as its official evaluation code computes them, quirks included.

Source: Orlando et al., REFUGE Challenge, Medical Image Analysis 2020, and the code ``refuge-evaluation`` of its
    organisers.
They exist to compare with published numbers; the sound versions are `fundus_mtl.metrics` and `fundus_mtl.biomarkers`.
Masks are REFUGE codes, ``(H, W)`` uint8: 0 is cup, below 255 is disc (cup included), 255 is background.

Where we deviate: the official code stops with a division by zero where both masks lack a structure, and by that loses
the whole submission; here that Dice is NaN. Cases without a label or a prediction are left out rather than spoiling a
mean.
"""

from __future__ import annotations

from math import nan

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_mtl.biomarkers import refuge_vertical_cdr
from fundus_mtl.metrics._classification import known_cases
from fundus_mtl.metrics._dice import dice

CUP, RIM, BACKGROUND = 0, 128, 255


def encode(disc: ArrayLike, cup: ArrayLike) -> NDArray[np.uint8]:
    """Return the REFUGE codes of two masks ``(H, W)``, nonzero is structure; a cup outside the disc counts as disc too.

    Raises:
        ValueError: if the shapes differ or are not 2-D.
    """
    disc_mask, cup_mask = np.asarray(disc).astype(bool), np.asarray(cup).astype(bool)
    if disc_mask.shape != cup_mask.shape or disc_mask.ndim != 2:
        raise ValueError(f"disc and cup: expected one shape (H, W), but got {disc_mask.shape} and {cup_mask.shape}.")
    codes = np.full(disc_mask.shape, BACKGROUND, np.uint8)
    codes[disc_mask] = RIM
    codes[cup_mask] = CUP
    return codes


def segmentation(pred: ArrayLike, true: ArrayLike) -> dict[str, float]:
    """Compare a segmentation with the truth.

    Args:
        pred: REFUGE codes ``(H, W)``.
        true: REFUGE codes ``(H, W)``.

    Returns:
        ``cup_dice`` and ``disc_dice``, NaN where both masks lack the structure; ``vcdr_pred`` and ``vcdr_true``, by
        pixels of the fullest column, 0 where nothing is found; ``ae_cdr``, the absolute difference of the two. No
        units.

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
    """Return REFUGE's "sensitivity at a specificity of 0.85", defect and all.

    The official code interpolates scikit-learn's ROC curve as if the sensitivity were a function of the specificity.
    Where the curve rises steeply it is none: the line leads from the highest sensitivity of one specificity to the
    lowest of the next, so that a perfect classifier gets 0.15. It also depends on where scikit-learn starts the curve. Use
    `fundus_mtl.metrics.sensitivity_at_specificity` for the real thing.

    Args:
        scores: ``(N,)``, higher means rather glaucoma.
        labels: ``(N,)`` of 0 and 1; cases with a NaN are left out.

    Returns:
        From 0 to 1; NaN with fewer than two classes.
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
        pred_xy: one point ``(2,)`` or several ``(N, 2)``, ``(x, y)`` in native px.
        true_xy: of the same shape.

    Returns:
        Native px; points with a NaN on either side are left out, NaN where none remains.

    Raises:
        ValueError: if the shapes differ, or the last axis is not a pair.
    """
    pred, true = np.asarray(pred_xy, dtype=float), np.asarray(true_xy, dtype=float)
    if pred.shape != true.shape or pred.ndim not in (1, 2) or pred.shape[-1] != 2:
        raise ValueError(f"points: expected one shape (2,) or (N, 2), but got {pred.shape} and {true.shape}.")
    distances = np.atleast_1d(np.sqrt(((pred - true) ** 2).sum(axis=-1)))
    known = distances[~np.isnan(distances)]
    return float(known.mean()) if len(known) else nan
