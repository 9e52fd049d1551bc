"""HRF-AV's colour maps: decode artery, vein and crossing pixels, and paint masks as a map.

Source: Hemelings et al., Artery-vein segmentation in fundus images using a fully convolutional network, Computerized
    Medical Imaging and Graphics 2019. Black is background, red an artery, blue a vein, and green a crossing (or a
    vessel that the annotator could not classify, as on the trunks at the disc).

Three of the 45 maps are anti-aliased, so each pixel is assigned to the nearest of the four colours: black if no channel
is above 127, otherwise the strongest channel. If two channels are equally strong, the map does not define the vessel;
such a pixel (white, yellow, purple) counts as a crossing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Mask = NDArray[np.bool_]
CROSSINGS = ("neither", "both", "ignore")
ARTERY, VEIN, CROSSING = (255, 0, 0), (0, 0, 255), (0, 255, 0)


@dataclass(frozen=True)
class Truth:
    """Disjoint masks ``(H, W)``: artery only, vein only, and crossings."""

    artery: Mask
    vein: Mask
    crossing: Mask


def decode(true_rgb: ArrayLike) -> Truth:
    """Decode a map ``(H, W, 3)`` uint8 to the nearest of the four colours.

    Raises:
        ValueError: if the map has another shape or type, or is empty.
    """
    colours = np.asarray(true_rgb)
    if colours.ndim != 3 or colours.shape[-1] != 3 or not colours.size:
        raise ValueError(f"true_rgb: expected shape (H, W, 3), but got {colours.shape}; convert the picture to RGB.")
    if colours.dtype != np.uint8:
        raise ValueError(f"true_rgb: expected uint8 from 0 to 255, but got {colours.dtype}.")
    red, green, blue = (np.ascontiguousarray(colours[..., i]) for i in range(3))
    vessel = np.maximum(np.maximum(red, green), blue) > 127
    artery = vessel & (red > green) & (red > blue)
    vein = vessel & (blue > green) & (blue > red)
    return Truth(artery, vein, vessel & ~artery & ~vein)


def paint(artery: Mask, vein: Mask) -> NDArray[np.uint8]:
    """Paint two masks ``(H, W)`` as a map ``(H, W, 3)``: red, blue, green where they overlap, else black."""
    picture = np.zeros((*artery.shape, 3), np.uint8)
    for mask, colour in ((artery, ARTERY), (vein, VEIN), (artery & vein, CROSSING)):
        picture[mask] = colour
    return picture
