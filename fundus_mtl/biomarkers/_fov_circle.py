"""Fit a circle to the round field of view of a fundus camera, which the edge of the image may cut off."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import cv2
import numpy as np
from numpy.typing import ArrayLike

from fundus_mtl.biomarkers._cleaning import Mask, as_mask

_LONGEST = 512  # px, longer side of the downsampled mask on which roundness is measured


@dataclass(frozen=True)
class FieldOfViewCircle:
    """Smallest circle around the lit part of a photograph, native px; NaN if no border is visible.

    Args:
        cx_px: x of the centre, origin at the centre of the top-left pixel. It may be near the edge of the image.
        cy_px: y of the centre.
        radius_px: Radius of the circle.
        roundness: Intersection over union of the mask and the part of the circle inside the image, 0 to 1. 1 is a
            perfect circle, cut off or not; 0 if no border is visible.
    """

    cx_px: float = nan
    cy_px: float = nan
    radius_px: float = nan
    roundness: float = 0.0


def field_of_view_circle(field_of_view: ArrayLike) -> FieldOfViewCircle:
    """Fit the smallest enclosing circle (OpenCV) to a mask ``(H, W)``, nonzero in the lit part.

    A circle that is cut off at the top and the bottom, as in most cameras, is found if its leftmost and rightmost
    points are visible. A mask that is empty or covers the whole image has no border and gives NaN.

    Raises:
        ValueError: if the mask is not 2-D.
    """
    mask = as_mask(field_of_view, "field_of_view")
    if not mask.any() or mask.all():
        return FieldOfViewCircle()
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    (x, y), radius = cv2.minEnclosingCircle(np.concatenate(outlines))
    return FieldOfViewCircle(float(x), float(y), float(radius) + 0.5, _roundness(mask, (x, y), radius + 0.5))


def _roundness(mask: Mask, centre: tuple[float, float], radius: float) -> float:
    """Compare mask and circle on every n-th pixel."""
    step = -(-max(mask.shape) // _LONGEST)
    rows, columns = np.ogrid[: mask.shape[0] : step, : mask.shape[1] : step]
    circle = np.hypot(columns - centre[0], rows - centre[1]) <= radius
    reduced = mask[::step, ::step]
    return int(np.count_nonzero(reduced & circle)) / max(1, int(np.count_nonzero(reduced | circle)))
