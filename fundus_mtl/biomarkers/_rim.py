r"""The rim between the edges of the disc and the cup, by direction.

Width along the radius from the disc's centroid: at each degree, how much farther the disc's outermost pixel lies than
the cup's. Directions run the same way in both eyes, as in OCT reports: 0° temporal, 90° superior, 180° nasal, 270°
inferior; a sector is 90° wide around each. The *ISNT rule* (Jonas et al., 1988) is inferior ≥ superior ≥ nasal ≥
temporal; it holds in only 37 % of normal eyes on disc photographs (Poon et al., 2017), so it describes a disc and
says nothing about disease. The rim-to-disc ratio is the width over the disc's diameter along the same meridian; its
minimum is what the Disc Damage Likelihood Scale looks at.
"""

from __future__ import annotations

from math import cos, nan, radians, sin
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_mtl.biomarkers._cleaning import Mask, bounds, clean_disc_cup

STEP_PX = 0.25  # along a radius; the width's own precision is a pixel


class RimProfile(TypedDict):
    """Widths in px by degree ``(360,)`` and by sector, the smallest rim-to-disc ratio (no unit), and the two orders."""

    widths_px: NDArray[np.float64]
    rim_I_px: float
    rim_S_px: float
    rim_N_px: float
    rim_T_px: float
    rim_disc_ratio_min: float
    isnt_obeyed: bool | None
    ist_obeyed: bool | None


def rim_profile(disc: ArrayLike, cup: ArrayLike, laterality: str, angle_deg: float = 0.0) -> RimProfile:
    """Measure the rim around the cup.

    Args:
        disc: mask ``(H, W)`` of an upright photograph, nonzero is disc; cleaned by `clean_disc_cup` first.
        cup: mask ``(H, W)``.
        laterality: ``"R"`` or ``"L"``; temporal is left of the disc in a right eye's photograph, right of it in a
            left eye's.
        angle_deg: by how much the disc lies above the fovea, as `disc_fovea` gives it; tilts the axis towards the
            fovea.

    Returns:
        A `RimProfile`; NaN and None where the disc, or the cup inside it, is missing.

    Raises:
        ValueError: if the laterality is unknown, or the shapes differ or are not 2-D.
    """
    if laterality not in ("R", "L"):
        raise ValueError(f"laterality: expected 'R' or 'L', but got {laterality!r}; temporal is not known without it.")
    clean, inside = clean_disc_cup(disc, cup)
    window = bounds(clean)
    if window is None or not inside.any():
        return _profile(np.full(360, nan), np.full(360, nan))
    clean, inside = clean[window], inside[window]
    side, tilt = (-1.0 if laterality == "R" else 1.0), radians(angle_deg)
    temporal, superior = np.array([side * cos(tilt), sin(tilt)]), np.array([side * sin(tilt), -cos(tilt)])
    turn = np.radians(np.arange(360.0))[:, None]
    directions = np.cos(turn) * temporal + np.sin(turn) * superior
    centre = np.argwhere(clean).mean(axis=0)[::-1]
    edge = _radii(clean, centre, directions)
    return _profile(edge - _radii(inside, centre, directions), edge + np.roll(edge, 180))


def _radii(mask: Mask, centre: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Return the distance of the outermost pixel from the centre ``(x, y)`` in each direction ``(360, 2)``, px."""
    parts = np.array_split(directions, 12)  # one after the other: a disc of thousands of pixels is a lot of samples
    padded = np.pad(mask, 1)
    return np.concatenate([_reach(padded, centre, part) for part in parts])


def _reach(padded: Mask, centre: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Do so for some directions ``(D, 2)`` in a mask with a border of one empty pixel."""
    shape = padded.shape[0] - 2, padded.shape[1] - 2
    radii = np.arange(0.0, np.hypot(*shape), STEP_PX)
    columns, rows = np.rint(centre + radii[:, None, None] * directions).astype(int).transpose(2, 0, 1)
    rows, columns = (np.clip(i, -1, size) + 1 for i, size in zip((rows, columns), shape, strict=True))
    return (radii[:, None] * padded[rows, columns]).max(axis=0)


def _profile(widths: np.ndarray, diameters: np.ndarray) -> RimProfile:
    """Summarise widths and disc diameters by degree, both ``(360,)`` px."""
    sectors = np.roll(widths, 45).reshape(4, 90).mean(axis=1)
    temporal, superior, nasal, inferior = (float(width) for width in sectors)
    known = bool(np.isfinite(sectors).all())
    return {
        "widths_px": widths,
        "rim_I_px": inferior,
        "rim_S_px": superior,
        "rim_N_px": nasal,
        "rim_T_px": temporal,
        "rim_disc_ratio_min": float((widths / diameters).min()),
        "isnt_obeyed": inferior >= superior >= nasal >= temporal if known else None,
        "ist_obeyed": inferior >= superior >= temporal if known else None,
    }
