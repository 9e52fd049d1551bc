r"""Cup-to-disc ratios, no unit, from masks of the disc and the cup.

The clinical ratios are measured on the masks that `clean_disc_cup` returns: an extent runs from the first to the last
row (column) of the structure, both included. NaN where the disc or the cup inside it is missing.

REFUGE measures something else (Orlando et al., REFUGE Challenge, Medical Image Analysis 2020; official evaluation code
``refuge-evaluation``): the *number of pixels* of the fullest column, on the mask as it is,

.. math:: \mathrm{vCDR} = \frac{\max_x |\{y : \text{cup}\}|}{\max_x |\{y : \text{disc}\}| + 10^{-7}},

so that nothing found is 0. On real masks the two differ by up to 0.13: never mix them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fundus_mtl.biomarkers._cleaning import Mask, bounds, clean_disc_cup


def extent(mask: Mask, axis: int) -> float:
    """Return how far the structure of ``(H, W)`` reaches along an axis, px; NaN where there is none."""
    window = bounds(mask)
    return float(window[axis].stop - window[axis].start) if window else float("nan")


def vertical_cdr(disc: ArrayLike, cup: ArrayLike) -> float:
    """Return the height of the cup over the height of the disc, no unit.

    Args:
        disc: mask ``(H, W)`` of an upright photograph, nonzero is disc.
        cup: mask ``(H, W)``, nonzero is cup.

    Returns:
        A ratio in (0, 1]; NaN where the disc, or the cup inside it, is missing.

    Raises:
        ValueError: if the shapes differ or are not 2-D.
    """
    clean, inside = clean_disc_cup(disc, cup)
    return extent(inside, 0) / extent(clean, 0)


def horizontal_cdr(disc: ArrayLike, cup: ArrayLike) -> float:
    """Return the width of the cup over the width of the disc, no unit; otherwise as `vertical_cdr`."""
    clean, inside = clean_disc_cup(disc, cup)
    return extent(inside, 1) / extent(clean, 1)


def area_cdr(disc: ArrayLike, cup: ArrayLike) -> float:
    """Return the area of the cup over the area of the disc, no unit; otherwise as `vertical_cdr`."""
    clean, inside = clean_disc_cup(disc, cup)
    return float(inside.sum() / clean.sum()) if inside.any() else float("nan")


def refuge_vertical_cdr(labels: ArrayLike) -> float:
    """Return REFUGE's official vertical cup-to-disc ratio, no unit, to the last bit.

    Args:
        labels: codes ``(H, W)``: 0 is cup, below 255 is disc (cup included), 255 is background.

    Returns:
        A ratio from 0, where nothing is found, to 1.

    Raises:
        ValueError: if the codes are not 2-D.
    """
    codes = np.asarray(labels)
    if codes.ndim != 2:
        raise ValueError(
            f"labels: expected REFUGE codes of shape (H, W), but got {codes.shape}; take channel 0 of RGB."
        )
    cup, disc = (float((structure.sum(axis=0)).max()) for structure in (codes == 0, codes < 255))
    return cup / (disc + 1e-7)
