"""Lengths and areas in mm, where the photograph's scale is known.

A photograph's scale holds at the retina only if camera and eye were accounted for (axial length, refraction); that is
the business of whoever gives the scale. Pixels need not be square, so lengths along the two axes are scaled apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import hypot, isfinite, nan
from typing import TypedDict


class Millimetres(TypedDict):
    """Disc, cup, and the way between disc and fovea; mm, mm²; NaN where a part was not measured."""

    disc_area_mm2: float
    disc_height_mm: float
    disc_width_mm: float
    cup_area_mm2: float
    disc_fovea_dist_mm: float


def in_millimetres(measures: Mapping[str, float], mm_per_px: tuple[float, float]) -> Millimetres:
    """Scale measures in native px.

    Args:
        measures: with any of ``disc_area_px``, ``disc_height_px``, ``disc_width_px``, ``cup_area_px``, ``disc_cx_px``,
            ``disc_cy_px``, ``fovea_x_px`` and ``fovea_y_px``; an absent one is unknown.
        mm_per_px: along x and along y.

    Returns:
        `Millimetres`.

    Raises:
        ValueError: if the scale is not two positive numbers.
    """
    across, down = mm_per_px
    if not (isfinite(across) and isfinite(down) and across > 0 and down > 0):
        raise ValueError(
            f"mm_per_px: expected two positive numbers, but got {mm_per_px}; without a scale leave mm out."
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
