"""Zones around the disc in which vessels are measured.

From the margin of the disc, in disc diameters: zone A 0 to 0.5, zone B 0.5 to 1, zone C 0.5 to 2. From its centre, in
radii: A 1 to 2, B 2 to 3, C 2 to 5 (Knudtson et al. 2003 for B; Cheung et al., Investigative Ophthalmology & Visual
Science 2010, for C). The disc is approximated by a circle with the centroid and area of its cleaned mask, so that the
zones do not depend on the rotation of the photograph or on a ragged outline.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, pi, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_mtl.biomarkers._cleaning import Mask, clean_disc

Window = tuple[slice, slice]
ZONES = {"A": (1.0, 2.0), "B": (2.0, 3.0), "C": (2.0, 5.0)}


@dataclass(frozen=True)
class DiscCircle:
    """The disc as a circle, px; origin at the centre of the top-left pixel; NaN if the disc is missing.

    Raises:
        ValueError: if the radius is not above 0.
    """

    cx_px: float
    cy_px: float
    radius_px: float

    def __post_init__(self) -> None:
        if self.radius_px <= 0:
            raise ValueError(f"radius_px: expected a number above 0, but got {self.radius_px}; NaN is unknown.")

    def radii(self, x: ArrayLike, y: ArrayLike) -> np.ndarray:
        """Return the distance of points from the centre, in disc radii; ``x`` and ``y`` are in px and broadcast."""
        across, down = np.asarray(x, dtype=float) - self.cx_px, np.asarray(y, dtype=float) - self.cy_px
        return np.asarray(np.sqrt(across**2 + down**2) / self.radius_px)


def disc_circle(disc: ArrayLike) -> DiscCircle:
    """Return the circle with the centroid and the area of the disc in a mask ``(H, W)``, after `clean_disc`.

    Raises:
        ValueError: if the mask is not 2-D.
    """
    rows, columns = np.nonzero(clean_disc(disc))
    if not len(rows):
        return DiscCircle(nan, nan, nan)
    return DiscCircle(float(columns.mean()), float(rows.mean()), sqrt(len(rows) / pi))


def zone_mask(shape: tuple[int, ...], disc: DiscCircle, zone: str) -> Mask:
    """Return which pixels of an image are in a zone.

    Args:
        shape: Shape of the image, ``(H, W)``.
        disc: Circle of the disc; the zones of an unknown disc are empty.
        zone: Name of the zone, ``"A"``, ``"B"`` or ``"C"``. The inner radius is included, the outer radius excluded.

    Returns:
        A mask ``(H, W)``, cut off at the image border.

    Raises:
        ValueError: if the zone is unknown or the shape is not 2-D.
    """
    window, ring = zone_window(shape, disc, zone)
    whole = np.zeros(shape, bool)
    whole[window] = ring
    return whole


def zone_window(shape: tuple[int, ...], disc: DiscCircle, zone: str) -> tuple[Window, Mask]:
    """Return rows and columns that a zone covers, and its mask there; arguments and errors are those of `zone_mask`."""
    if zone not in ZONES:
        raise ValueError(f"zone: expected one of {', '.join(ZONES)}, but got {zone!r}.")
    if len(shape) != 2:
        raise ValueError(f"shape: expected (H, W), but got {shape}.")
    inner, outer = ZONES[zone]
    rows, columns = (
        np.flatnonzero(abs(np.arange(size) - centre) < outer * disc.radius_px)
        for size, centre in ((shape[0], disc.cy_px), (shape[1], disc.cx_px))
    )
    radii = disc.radii(columns, rows[:, None])
    return (_span(rows), _span(columns)), (radii >= inner) & (radii < outer)


def _span(consecutive: NDArray[np.intp]) -> slice:
    """Return the slice of consecutive indices."""
    return slice(int(consecutive[0]), int(consecutive[-1]) + 1) if len(consecutive) else slice(0, 0)
