"""Turn REFUGE's coded masks into two binary ones.

Source: the official evaluation, github.com/ignaciorlando/refuge-evaluation at b8fc1a8: cup where the code is 0, disc (cup
included) where it is below 255; of an RGB file, channel 0.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fundus_mtl.data import PHOTOGRAPH_ERRORS, plain_reason

from ._mask_file import up_to_date, write_mask

BACKGROUND, CUP = 255, 0
_logger = logging.getLogger(__name__)


def decode(path: Path, name: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return disc and cup, ``(H, W)``, the disc including the cup.

    Raises:
        ValueError: if the file is damaged, or more than half of it is disc: then its codes are not REFUGE's.
    """
    try:
        with Image.open(path) as image:
            codes = np.asarray(image if image.mode == "L" else image.convert("RGB").getchannel(0))
    except PHOTOGRAPH_ERRORS as error:
        raise ValueError(
            f"{name}: expected a readable mask, but got: {plain_reason(error)}; unpack it again."
        ) from error
    disc = codes != BACKGROUND
    if disc.mean() > 0.5:
        raise ValueError(
            f"{name}: expected a mask of codes 0 cup, 128 rim, {BACKGROUND} background, but got {disc.mean():.0%} disc; "
            "take the challenge's own mask."
        )
    if not disc.any():
        _logger.warning("%s: expected a disc in the mask, but got background only.", name)
    return disc, codes == CUP


def write_masks(source: Path, disc_path: Path, cup_path: Path, name: str) -> None:
    """Decode a mask into two PNGs (mode L, 0 and 255), each written whole or not at all; skip it if they are up to date.

    The PNGs get the source's time of change, so "up to date" also notices a source that was replaced by an older file.

    Raises:
        ValueError: if the mask cannot be decoded.
        OSError: if the PNGs cannot be written, a full disk included.
    """
    paths = (disc_path, cup_path)
    if not up_to_date(source, paths):
        for path, mask in zip(paths, decode(source, name), strict=True):
            write_mask(mask.astype(np.uint8) * 255, path, source, name)
