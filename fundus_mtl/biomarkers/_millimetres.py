"""Convert lengths and areas to mm, if the scale of the photograph is known.

The scale is correct at the retina only if it accounts for camera and eye (axial length, refraction). The user who sets
the scale is responsible for this. Pixels need not be square, so lengths along the two axes are scaled separately.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import hypot, isfinite, nan
from typing import TypedDict


class Millimetres(TypedDict):
    """Sizes of disc and cup and distance of disc and fovea, mm and mm²; NaN if a value was not measured."""

    disc_area_mm2: float
    disc_height_mm: float
    disc_width_mm: float
    cup_area_mm2: float
    disc_fovea_dist_mm: float


def in_millimetres(measures: Mapping[str, float], mm_per_px: tuple[float, float]) -> Millimetres:
    """Convert measures from native px to mm.

    Args:
        measures: Measures in px: any of ``disc_area_px``, ``disc_height_px``, ``disc_width_px``, ``cup_area_px``,
            ``disc_cx_px``, ``disc_cy_px``, ``fovea_x_px`` and ``fovea_y_px``; a missing one is unknown.
        mm_per_px: Scale along x and along y, mm per px.

    Returns:
        The `Millimetres`.

    Raises:
        ValueError: if the scale does not consist of two positive numbers.
    """
    across, down = mm_per_px
    if not (isfinite(across) and isfinite(down) and across > 0 and down > 0):
        raise ValueError(
            f"mm_per_px: expected two positive numbers, but got {mm_per_px}; leave out the scale if it is unknown."
        )
    px = {name: measures.get(name, nan) for name in ("disc_cx_px", "disc_cy_px", "fovea_x_px", "fovea_y_px")}
    return {
        "disc_area_mm2": measures.get("disc_area_px", nan) * across * down,
        "disc_height_mm": measures.get("disc_height_px", nan) * down,
        "disc_width_mm": measures.get("disc_width_px", nan) * across,
        "cup_area_mm2": measures.get("cup_area_px", nan) * across * down,
        "disc_fovea_dist_mm": hypot(
            (px["disc_cx_px"] - px["fovea_x_px"]) * across, (px["disc_cy_px"] - px["fovea_y_px"]) * down
        ),
    }
