"""Convert lengths and areas to mm, if the scale of the photograph is known.

The scale is correct at the retina only if it accounts for camera and eye (axial length, refraction). The user who sets
the scale is responsible for this. Pixels need not be square, so lengths along the two axes are scaled separately.

A scale from a file or a list is compared with anatomy before it is used: headers hold placeholders (1 mm per pixel), and
lists micrometres. The limits are wide, so that they catch wrong units and not unusual eyes.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import hypot, isfinite, nan
from typing import TypedDict

from fundus_mtl.biomarkers._anatomy import DISC_MM, FRAME_MM, PIXEL_RATIO


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


def implausible_scale(
    mm_per_px: tuple[float, float], width_px: int, height_px: int, disc_height_px: float = nan
) -> str | None:
    """Return why a scale cannot be right, or None where it can.

    Args:
        mm_per_px: scale along x and along y.
        width_px: width of the photograph.
        height_px: height of the photograph.
        disc_height_px: vertical diameter of the disc; NaN where it was not measured.

    Returns:
        A reason with the numbers in it, such as ``"a scale of 6 x 6 mm per px makes the photograph 12744 mm long; is it in
        micrometres?"``.

    Example:
        >>> implausible_scale((0.006, 0.006), 2124, 2056, 300)
    """
    across, down = mm_per_px
    name = f"a scale of {across:.3g} x {down:.3g} mm per px"
    if not (isfinite(across) and isfinite(down) and across > 0 and down > 0):
        return f"{name} is not positive"
    lengths = {"the photograph": (max(width_px * across, height_px * down), FRAME_MM)}
    lengths["the disc"] = (disc_height_px * down, DISC_MM)
    for what, (length, (shortest, longest)) in lengths.items():
        if length > longest:
            return f"{name} makes {what} {length:.4g} mm long; is it in micrometres?"
        if length < shortest:
            return f"{name} makes {what} {length:.2g} mm long; is it in another unit?"
    if max(across, down) > PIXEL_RATIO * min(across, down):
        return f"{name} makes pixels that are far from square"
    return None
