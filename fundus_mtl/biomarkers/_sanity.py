"""Flags of unusual segmentations and foveas, which a person should check before using their numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from fundus_mtl.biomarkers._anatomy import ANGLE_DEG, CUP_OUTSIDE, RATIO_DD, VCDR
from fundus_mtl.biomarkers._cdr import vertical_cdr
from fundus_mtl.biomarkers._cleaning import Mask, as_mask, bounds, clean_disc, contains
from fundus_mtl.biomarkers._disc_fovea import disc_fovea


def sanity_flags(
    disc: ArrayLike,
    cup: ArrayLike | None = None,
    fovea_xy: ArrayLike | None = None,
    field_of_view: ArrayLike | None = None,
) -> list[str]:
    """Return the flags of implausible values; missing structures set no flag.

    Args:
        disc: Disc mask ``(H, W)``, nonzero inside. It is cleaned with `clean_disc`.
        cup: Cup mask ``(H, W)``. Optional.
        fovea_xy: Fovea ``(x, y)``, native px. Optional.
        field_of_view: Mask ``(H, W)`` of the lit part of the photograph; default: the whole image.

    Returns:
        The flags that apply, in this order: ``disc_fovea_ratio`` (outside 1.7 to 4.3 disc diameters),
        ``disc_fovea_angle`` (beyond 25°), ``fovea_in_disc``, ``disc_at_edge`` (the disc touches the edge of the field
        of view), ``cup_outside_disc`` (more than 1 % of its pixels), ``vcdr_high`` (above 0.95), ``vcdr_low`` (below
        0.1).

    Raises:
        ValueError: if a mask is not 2-D or the shapes differ.
    """
    clean = clean_disc(disc)
    if not clean.any():
        return []
    flags = [] if fovea_xy is None else _fovea_flags(clean, np.asarray(fovea_xy, dtype=float))
    lit = np.ones_like(clean) if field_of_view is None else as_mask(field_of_view, "field_of_view")
    if lit.shape != clean.shape:
        raise ValueError(f"field_of_view: expected the disc's shape {clean.shape}, but got {lit.shape}.")
    if _touches_edge(clean, lit):
        flags.append("disc_at_edge")
    return flags + ([] if cup is None else _cup_flags(clean, as_mask(cup, "cup")))


def _fovea_flags(disc: Mask, fovea_xy: np.ndarray) -> list[str]:
    """Check distance, angle and position of the fovea relative to the cleaned disc."""
    geometry = disc_fovea(disc, fovea_xy)
    ratio, angle = geometry["disc_fovea_dist_dd"], geometry["disc_fovea_angle_deg"]
    flags = []
    if ratio < RATIO_DD[0] or ratio > RATIO_DD[1]:
        flags.append("disc_fovea_ratio")
    if abs(angle) > ANGLE_DEG:
        flags.append("disc_fovea_angle")
    return [*flags, "fovea_in_disc"] if contains(disc, fovea_xy) else flags


def _touches_edge(disc: Mask, lit: Mask) -> bool:
    """Return whether a pixel of the disc, or one of its neighbours, is dark or outside the image."""
    rows, columns = bounds(disc) or (slice(0, 0), slice(0, 0))
    around = np.pad(lit, 1)[rows.start : rows.stop + 2, columns.start : columns.stop + 2]
    inner = ndimage.binary_erosion(around, structure=np.ones((3, 3)))[1:-1, 1:-1]
    return bool((disc[rows, columns] & ~inner).any())


def _cup_flags(disc: Mask, cup: Mask) -> list[str]:
    """Check position and size of the cup relative to the cleaned disc."""
    ratio = vertical_cdr(disc, cup)
    flags = ["cup_outside_disc"] if (cup & ~disc).sum() > CUP_OUTSIDE * cup.sum() else []
    if ratio > VCDR[1]:
        flags.append("vcdr_high")
    return [*flags, "vcdr_low"] if ratio < VCDR[0] else flags
