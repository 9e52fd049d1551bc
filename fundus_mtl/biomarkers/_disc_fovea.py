r"""Size and position of the disc, and its position relative to the fovea.

The distance of disc and fovea is 2.65 ± 0.30 disc diameters (Beijing Eye Study 2011; 2.7 on REFUGE), and the disc lies
about 5 to 8° above the fovea. The disc diameter here is the *vertical* one (height from the first to the last row of
the cleaned disc). In an upright photograph of a right eye the disc is to the right of the fovea, towards the nose; in a
left eye it is to the left.
"""

from __future__ import annotations

from math import atan2, degrees, hypot, isfinite, nan
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike

from fundus_mtl.biomarkers._cdr import extent
from fundus_mtl.biomarkers._cleaning import clean_disc


class DiscMeasures(TypedDict):
    """Size and centroid of the cleaned disc, px; origin at the centre of the top-left pixel."""

    disc_height_px: float
    disc_width_px: float
    disc_area_px: float
    disc_cx_px: float
    disc_cy_px: float


class DiscFovea(TypedDict):
    """Vector from fovea to disc centre (px, vertical disc diameters, degrees), and which eye it is."""

    disc_fovea_dist_px: float
    disc_fovea_dist_dd: float
    disc_fovea_angle_deg: float
    laterality: str


def disc_measures(disc: ArrayLike) -> DiscMeasures:
    """Measure the disc of a mask ``(H, W)`` after `clean_disc`; all values are NaN if the mask is empty.

    Raises:
        ValueError: if the mask is not 2-D.
    """
    clean = clean_disc(disc)
    rows, columns = np.nonzero(clean)
    found = len(rows) > 0
    return {
        "disc_height_px": extent(clean, 0),
        "disc_width_px": extent(clean, 1),
        "disc_area_px": float(len(rows)) if found else nan,
        "disc_cx_px": float(columns.mean()) if found else nan,
        "disc_cy_px": float(rows.mean()) if found else nan,
    }


def disc_fovea(disc: ArrayLike, fovea_xy: ArrayLike) -> DiscFovea:
    """Measure the position of the disc relative to the fovea.

    Args:
        disc: Disc mask ``(H, W)`` of an upright photograph, nonzero inside.
        fovea_xy: Fovea ``(x, y)``, native px; NaN if unknown.

    Returns:
        The distance of disc centroid and fovea in px and in vertical disc diameters; the angle between their line and
        the horizontal, -90° to 90°, positive in both eyes if the disc is above the fovea; and the eye derived from the
        side of the disc: ``"R"``, ``"L"``, or ``"unknown"``. Values are NaN or unknown if disc or fovea is missing or
        the two coincide.

    Raises:
        ValueError: if the mask is not 2-D, or the point is not a pair.
    """
    point = np.asarray(fovea_xy, dtype=float)
    if point.shape != (2,):
        raise ValueError(f"fovea_xy: expected one point (x, y), but got shape {point.shape}.")
    measures = disc_measures(disc)
    right, up = measures["disc_cx_px"] - float(point[0]), float(point[1]) - measures["disc_cy_px"]
    distance = hypot(right, up)
    known = isfinite(distance) and distance > 0
    return {
        "disc_fovea_dist_px": distance,
        "disc_fovea_dist_dd": distance / measures["disc_height_px"],
        "disc_fovea_angle_deg": degrees(atan2(up, abs(right))) if known else nan,
        "laterality": "unknown" if not known or right == 0 else "R" if right > 0 else "L",
    }
