"""Turn REFUGE's coded masks into two binary ones.

Source: the official evaluation, github.com/ignaciorlando/refuge-evaluation at b8fc1a8: cup where the code is 0, disc (cup
included) where it is below 255; of an RGB file, channel 0. It takes every other code as disc; here a few stray pixels are
taken so, and more are refused: a mask that was once a JPEG would give a disc of nearly twice its area.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.data import PHOTOGRAPH_ERRORS, plain_reason
from fundus_mtl.labels import few
from fundus_mtl.photographs import checked_image

from ._mask_file import up_to_date, write_mask

BACKGROUND, RIM, CUP = 255, 128, 0
LARGEST = 0.5  # share of the photograph that a disc covers at most
Mask = NDArray[np.bool_]
_logger = logging.getLogger(__name__)


def decode(path: Path, name: str) -> tuple[Mask, Mask]:
    """Return disc and cup, ``(H, W)``, the disc including the cup.

    Raises:
        ValueError: if the file is damaged, its codes are not REFUGE's, or its disc covers more than half of the photograph.
    """
    try:
        with checked_image(path) as image:
            codes = np.asarray(image if image.mode == "L" else image.convert("RGB").getchannel(0))
    except PHOTOGRAPH_ERRORS as error:
        raise ValueError(
            f"{name}: expected a readable mask, but got: {plain_reason(error)}; unpack it again."
        ) from error
    disc, cup = codes != BACKGROUND, codes == CUP
    if fault := _fault(codes, disc, cup):
        raise ValueError(
            f"{name}: expected a mask of codes {CUP} cup, {RIM} rim, {BACKGROUND} background, but got {fault}; take the "
            "challenge's own mask."
        )
    if not disc.any():
        _logger.warning("%s: expected a disc in the mask, but got background only.", name)
    return disc, cup


def _fault(codes: NDArray[np.uint8], disc: Mask, cup: Mask) -> str:
    """Return what is wrong with a mask, empty if nothing is."""
    if (share := disc.mean()) > LARGEST:
        return f"{share:.0%} disc"
    others = int((disc & ~cup & (codes != RIM)).sum())
    if not few(others, codes.size):
        return f"{others} pixels of {len(np.unique(codes[disc & ~cup & (codes != RIM)]))} other codes"
    if _inside(disc & ~cup, cup):
        return "a rim inside the cup"
    return ""


def _inside(inner: Mask, outer: Mask) -> bool:
    """Return whether one region lies strictly within the extents of another, which codes of rim and cup swapped show."""
    if not (inner.any() and outer.any()):
        return False
    extents = [(places.min(), places.max()) for mask in (inner, outer) for places in np.nonzero(mask)]
    rows, columns, outer_rows, outer_columns = extents
    return all(
        wide[0] < narrow[0] and narrow[1] < wide[1] for narrow, wide in ((rows, outer_rows), (columns, outer_columns))
    )


def write_masks(source: Path, disc_path: Path, cup_path: Path, name: str) -> None:
    """Decode a mask into two PNGs (mode L, 0 and 255), each written whole or not at all; skip it if they are up to date.

    The PNGs get the source's time of change, so that a source which was replaced by an older file is noticed.

    Raises:
        ValueError: if the mask cannot be decoded.
        OSError: if the PNGs cannot be written, a full disk included.
    """
    paths = (disc_path, cup_path)
    if not up_to_date(source, paths):
        for path, mask in zip(paths, decode(source, name), strict=True):
            write_mask(mask.astype(np.uint8) * 255, path, source, name)
