"""Segmentations that cannot be those of a disc or a cup, so that no number of them is believed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike

from fundus_mtl.biomarkers._anatomy import (
    CUP_WITHHELD,
    DISC_ASPECT,
    DISC_OF_FIELD,
    DISC_OF_FRAME,
    DISC_RIVAL,
    DISC_SOLIDITY,
)
from fundus_mtl.biomarkers._cleaning import Mask, as_mask, bounds, clean_disc


def implausible_disc(disc: ArrayLike, field_of_view: ArrayLike | None = None, rival: float = 0.0) -> str | None:
    """Return why a mask cannot be a disc, or None where it can.

    Args:
        disc: Mask ``(H, W)``, nonzero inside. It is cleaned with `clean_disc`.
        field_of_view: Mask ``(H, W)`` of the lit part of the photograph; default: the whole image, without a border.
        rival: Area of a second region that was found as disc over that of the first, 0 to 1.

    Returns:
        A reason with the numbers in it; None also for an empty mask.

    Raises:
        ValueError: if a mask is not 2-D or the shapes differ.
    """
    clean = clean_disc(disc)
    lit = np.ones_like(clean) if field_of_view is None else as_mask(field_of_view, "field_of_view")
    if lit.shape != clean.shape:
        raise ValueError(f"field_of_view: expected the disc's shape {clean.shape}, but got {lit.shape}.")
    box = bounds(clean)
    if box is None:
        return None
    if rival > DISC_RIVAL:
        return (
            f"the disc is not believed: a second region has {rival:.0%} of its area, at most {DISC_RIVAL:.0%} expected"
        )
    cut = clean[box]
    return _size_fault(cut, lit) or _shape_fault(cut)


def implausible_cup(disc: ArrayLike, cup: ArrayLike) -> str | None:
    """Return why a mask cannot be the cup of a disc, or None where it can.

    Args:
        disc: Mask of the disc ``(H, W)``, cleaned.
        cup: Mask of the cup ``(H, W)``.

    Returns:
        A reason with the numbers in it; None also where one of the masks is empty.

    Raises:
        ValueError: if a mask is not 2-D or the shapes differ.
    """
    whole, part = as_mask(disc, "disc"), as_mask(cup, "cup")
    if whole.shape != part.shape:
        raise ValueError(f"cup: expected the disc's shape {whole.shape}, but got {part.shape}.")
    sizes = int(np.count_nonzero(whole)), int(np.count_nonzero(part))
    if not all(sizes):
        return None
    if sizes[1] > sizes[0]:
        return f"the cup is not believed: it has {sizes[1]} px, more than the disc ({sizes[0]} px)"
    outside = np.count_nonzero(part & ~whole) / sizes[1]
    if outside > CUP_WITHHELD:
        return f"the cup is not believed: {outside:.0%} of it lies outside of the disc, at most {CUP_WITHHELD:.0%} expected"
    return None


def _size_fault(cut: Mask, lit: Mask) -> str | None:
    """Compare a disc, cut to its box, with the field of view."""
    rows, columns = bounds(lit) or (slice(0, 1), slice(0, 1))
    share = int(np.count_nonzero(cut)) / max(1, int(np.count_nonzero(lit)))
    if share > DISC_OF_FRAME:
        return f"the disc is not believed: it covers {share:.0%} of the field of view, at most {DISC_OF_FRAME:.0%} expected"
    if lit.all():  # no border is seen, so that the photograph may be a window around the disc
        return None
    height = cut.shape[0] / max(rows.stop - rows.start, columns.stop - columns.start)
    if not DISC_OF_FIELD[0] <= height <= DISC_OF_FIELD[1]:
        return (
            f"the disc is not believed: its height is {height:.3g} of the field of view's diameter, {DISC_OF_FIELD[0]:g} to "
            f"{DISC_OF_FIELD[1]:g} expected"
        )
    return None


def _shape_fault(cut: Mask) -> str | None:
    """Judge the shape of a disc, cut to its box."""
    sides = max(cut.shape) / min(cut.shape)
    if sides > DISC_ASPECT:
        return f"the disc is not believed: one side is {sides:.2g} times the other, at most {DISC_ASPECT:g} expected"
    solidity = np.count_nonzero(cut) / _hull_area(cut)
    if solidity < DISC_SOLIDITY:
        return (
            f"the disc is not believed: it fills {solidity:.0%} of its outline, at least {DISC_SOLIDITY:.0%} expected"
        )
    return None


def _hull_area(mask: Mask) -> int:
    """Return the pixels of the convex hull of a non-empty mask."""
    points = cv2.findNonZero(mask.astype(np.uint8))
    filled = np.zeros(mask.shape, np.uint8)
    cv2.fillConvexPoly(filled, cv2.convexHull(points), 1)
    return max(int(np.count_nonzero(filled)), 1)
