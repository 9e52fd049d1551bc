"""Rasterise a vessel tree: how much of each pixel an artery, a vein or an artery's light reflex covers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._phantom_anatomy import Eye
from ._phantom_vessels import Vessel

SHIFT = 4  # OpenCV's fractional bits of a coordinate


@dataclass(frozen=True)
class VesselCover:
    """Covered share of each pixel, 0 to 1, each of shape ``(H, W)``.

    Attributes:
        artery: by any artery.
        vein: by any vein.
        reflex: by the bright stripe along an artery's middle.
    """

    artery: NDArray[np.float32]
    vein: NDArray[np.float32]
    reflex: NDArray[np.float32]


def cover_vessels(vessels: list[Vessel], eye: Eye, height: int, width: int) -> VesselCover:
    """Rasterise vessels by super-sampling.

    Args:
        vessels: Vessels in the disc's frame.
        eye: places that frame in the photograph.
        height: Height of the photograph, px.
        width: Width of the photograph, px.
    """
    arteries, veins = ([v for v in vessels if v.artery is kind] for kind in (True, False))
    return VesselCover(
        artery=_cover(arteries, eye, height, width, 1.0, 1.0),
        vein=_cover(veins, eye, height, width, 1.0, 1.0),
        reflex=_cover((v for v in arteries if v.widths[0] > 0.03), eye, height, width, 0.3, 0.0),
    )


def _cover(
    vessels: Iterable[Vessel], eye: Eye, height: int, width: int, share: float, thinnest: float
) -> NDArray[np.float32]:
    """Draw stripes of ``share`` of the vessels' widths, at least ``thinnest`` px wide so that a mask has no gaps."""
    import cv2

    fine = 4 if max(height, width) <= 700 else 2
    canvas = np.zeros((height * fine, width * fine), np.uint8)
    scale = 2.0 * eye.disc.half_height * share
    for vessel in vessels:
        pixels = eye.disc.centre + vessel.points @ eye.axes
        points = np.rint(((pixels + 0.5) * fine - 0.5) * 2**SHIFT).astype(np.int32)
        thickness = np.rint(np.maximum(vessel.widths * scale, thinnest) * fine).astype(int)
        first = 0
        for value, run in itertools.groupby(thickness.tolist()):
            last = first + len(list(run))
            if value:
                cv2.polylines(canvas, [points[max(first - 1, 0) : last]], False, 255, value, cv2.LINE_8, SHIFT)
            first = last
    small = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255.0)
