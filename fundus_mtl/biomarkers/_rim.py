r"""Width of the rim between the edges of disc and cup, by direction.

The width is measured along the radius from the centroid of the disc: at each degree, the distance of the outermost disc
pixel minus that of the outermost cup pixel. Directions are the same in both eyes, as in OCT reports: 0° temporal, 90°
superior, 180° nasal, 270° inferior; a sector is 90° wide, centred on each. The *ISNT rule* (Jonas et al., 1988) is
inferior ≥ superior ≥ nasal ≥ temporal. It holds in only 37 % of normal eyes on disc photographs (Poon et al., 2017), so
it describes a disc but does not indicate disease. The rim-to-disc ratio is the width over the diameter of the disc
along the same meridian; the Disc Damage Likelihood Scale uses its minimum.
"""

from __future__ import annotations

from math import cos, nan, radians, sin
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_mtl.biomarkers._cleaning import Mask, bounds, clean_disc_cup

STEP_PX = 0.25  # step along a radius; the width itself is accurate to a pixel
AT_ONCE = 128  # radii per block


class RimProfile(TypedDict):
    """Widths in px by degree ``(360,)`` and sector, smallest rim-to-disc ratio (no unit), and the ISNT and IST rules."""

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
        disc: Disc mask ``(H, W)`` of an upright photograph, nonzero inside. It is cleaned with `clean_disc_cup`.
        cup: Cup mask ``(H, W)``.
        laterality: Eye, ``"R"`` or ``"L"``. Temporal is left of the disc in a photograph of a right eye, and right of
            it in a left eye.
        angle_deg: Angle of the disc above the fovea, as returned by `disc_fovea`, degrees; tilts the axis towards the
            fovea.

    Returns:
        A `RimProfile`; NaN and None if the disc, or the cup inside it, is missing.

    Raises:
        ValueError: if the laterality is unknown, or the shapes differ or are not 2-D.
    """
    if laterality not in ("R", "L"):
        raise ValueError(f"laterality: expected 'R' or 'L', but got {laterality!r}; it defines the temporal side.")
    clean, inside = clean_disc_cup(disc, cup)
    window = bounds(clean)
    if window is None or not inside.any():
        return _profile(np.full(360, nan), np.full(360, nan))
    clean, inside = clean[window], inside[window]
    side, tilt = (-1.0 if laterality == "R" else 1.0), radians(angle_deg)
    temporal, superior = np.array([side * cos(tilt), sin(tilt)]), np.array([side * sin(tilt), -cos(tilt)])
    turn = np.radians(np.arange(360.0))[:, None]
    directions = np.cos(turn) * temporal + np.sin(turn) * superior
    centre = _centroid(clean)
    edge = _radii(clean, centre, directions)
    return _profile(edge - _radii(inside, centre, directions), edge + np.roll(edge, 180))


def _centroid(mask: Mask) -> np.ndarray:
    """Return the mean position ``(x, y)`` of the pixels of ``(H, W)``; integer sums make it exact."""
    sums = [int(mask.sum(axis=axis) @ np.arange(mask.shape[1 - axis])) for axis in (0, 1)]
    return np.array(sums) / int(mask.sum())


def _radii(mask: Mask, centre: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Return the distance of the outermost pixel from the centre ``(x, y)`` in each direction ``(360, 2)``, px.

    The search runs from outside inwards in blocks of radii and stops in each direction at the first pixel. A false disc
    of thousands of pixels has millions of positions, nearly all of them inside its edge.
    """
    padded = np.pad(mask, 1)
    radii = np.arange(0.0, min(np.hypot(*mask.shape), _farthest(mask, centre) + 1), STEP_PX)
    found, left = np.zeros(len(directions)), np.arange(len(directions))
    for start in range((len(radii) - 1) // AT_ONCE * AT_ONCE, -1, -AT_ONCE):
        part = radii[start : start + AT_ONCE, None]
        met = part * _at(padded, centre + part[..., None] * directions[left])
        found[left] = met.max(axis=0)
        left = left[found[left] == 0]
    return found


def _farthest(mask: Mask, centre: np.ndarray) -> float:
    """Return the distance of the farthest pixel of ``(H, W)`` from the centre ``(x, y)``, px."""
    rows = np.flatnonzero(mask.any(axis=1))
    ends = mask[rows].argmax(axis=1), mask.shape[1] - 1 - mask[rows, ::-1].argmax(axis=1)
    return float(max(np.hypot(columns - centre[0], rows - centre[1]).max() for columns in ends))


def _at(padded: Mask, places: np.ndarray) -> Mask:
    """Return the values of a mask, padded with one empty pixel, at positions ``(R, D, 2)``; False outside."""
    columns, rows = np.rint(places).astype(int).transpose(2, 0, 1)
    inner = padded.shape[0] - 2, padded.shape[1] - 2
    rows, columns = (np.clip(i, -1, size) + 1 for i, size in zip((rows, columns), inner, strict=True))
    return padded[rows, columns]


def _profile(widths: np.ndarray, diameters: np.ndarray) -> RimProfile:
    """Summarise widths and disc diameters by degree, both ``(360,)`` px."""
    sectors = np.roll(widths, 45).reshape(4, 90).mean(axis=1)
    temporal, superior, nasal, inferior = (float(width) for width in sectors)
    known = bool(np.isfinite(sectors).all())
    with np.errstate(invalid="ignore"):  # a meridian may not cross a crescent-shaped disc, or a disc of two pixels
        smallest = float((widths / diameters).min())
    return {
        "widths_px": widths,
        "rim_I_px": inferior,
        "rim_S_px": superior,
        "rim_N_px": nasal,
        "rim_T_px": temporal,
        "rim_disc_ratio_min": smallest,
        "isnt_obeyed": inferior >= superior >= nasal >= temporal if known else None,
        "ist_obeyed": inferior >= superior >= temporal if known else None,
    }
