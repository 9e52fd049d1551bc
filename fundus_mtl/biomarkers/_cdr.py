r"""Cup-to-disc ratios, no unit, from masks of the disc and the cup.

The clinical ratios are measured on the masks that `clean_disc_cup` returns. The extent of a structure is the distance
from its first to its last row (column), both included. A ratio is NaN if the disc, or the cup inside it, is missing.

REFUGE uses another definition (Orlando et al., REFUGE Challenge, Medical Image Analysis 2020; official evaluation code
``refuge-evaluation``): the *number of pixels* in the column with most pixels, on the uncleaned mask,

.. math:: \mathrm{vCDR} = \frac{\max_x |\{y : \text{cup}\}|}{\max_x |\{y : \text{disc}\}| + 10^{-7}},

which is 0 if a structure is missing. On real masks the two definitions differ by up to 0.13: never mix them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fundus_mtl.biomarkers._cleaning import Mask, bounds, clean_disc_cup


def extent(mask: Mask, axis: int) -> float:
    """Return the extent of the structure in a mask ``(H, W)`` along an axis, px; NaN if the mask is empty."""
    window = bounds(mask)
    return float(window[axis].stop - window[axis].start) if window else float("nan")


def vertical_cdr(disc: ArrayLike, cup: ArrayLike) -> float:
    """Return the height of the cup over the height of the disc, no unit.

    Args:
        disc: Disc mask ``(H, W)`` of an upright photograph, nonzero inside.
        cup: Cup mask ``(H, W)``, nonzero inside.

    Returns:
        The ratio in (0, 1]; NaN if the disc, or the cup inside it, is missing.

    Raises:
        ValueError: if the shapes differ or are not 2-D.
    """
    clean, inside = clean_disc_cup(disc, cup)
    return extent(inside, 0) / extent(clean, 0)


def horizontal_cdr(disc: ArrayLike, cup: ArrayLike) -> float:
    """Return the width of the cup over the width of the disc, no unit; otherwise like `vertical_cdr`."""
    clean, inside = clean_disc_cup(disc, cup)
    return extent(inside, 1) / extent(clean, 1)


def area_cdr(disc: ArrayLike, cup: ArrayLike) -> float:
    """Return the area of the cup over the area of the disc, no unit; otherwise like `vertical_cdr`."""
    clean, inside = clean_disc_cup(disc, cup)
    return float(inside.sum() / clean.sum()) if inside.any() else float("nan")


def refuge_vertical_cdr(labels: ArrayLike) -> float:
    """Return REFUGE's official vertical cup-to-disc ratio, no unit, bit-identical to the official code.

    Args:
        labels: REFUGE codes ``(H, W)``: 0 is cup, below 255 is disc (including the cup), 255 is background.

    Returns:
        The ratio from 0 to 1; 0 if a structure is missing.

    Raises:
        ValueError: if the codes are not 2-D.
    """
    codes = np.asarray(labels)
    if codes.ndim != 2:
        raise ValueError(
            f"labels: expected REFUGE codes of shape (H, W), but got {codes.shape}; use channel 0 of an RGB image."
        )
    cup, disc = (float((structure.sum(axis=0)).max()) for structure in (codes == 0, codes < 255))
    return cup / (disc + 1e-7)
