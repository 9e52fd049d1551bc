"""Scale stored values to the levels 0..255 of red, green and blue, the same way for every format."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.photographs._unreadable import UnreadableImageError

MAX_SIDE = 32767
"""Longest side, px: the limit of OpenCV, and what keeps everything that is proportional to a side small."""


def refuse_large(width: int, height: int, max_pixels: int) -> None:
    """Refuse a picture by the size that its header names, before anything is decoded.

    Raises:
        UnreadableImageError: if it has more pixels than allowed, a side above ``MAX_SIDE``, or no pixels.
    """
    if width < 1 or height < 1:
        raise UnreadableImageError(f"expected a picture, but got {width}x{height} pixels.")
    if width * height > max_pixels:
        raise UnreadableImageError(
            f"expected at most {max_pixels} pixels, but got {width}x{height} pixels; raise max_pixels or reduce it."
        )
    if max(width, height) > MAX_SIDE:
        raise UnreadableImageError(f"expected sides of at most {MAX_SIDE} px, but got {width}x{height} pixels; cut it.")


def scaled(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Scale unsigned values from their range, ``0..2**bits - 1`` to 0..255, rounded.

    The range is the format's, never the picture's: a stretch per picture would make brightness incomparable.

    Raises:
        UnreadableImageError: if a value is beyond the range, or the range beyond 16 bits.
    """
    if not 1 <= bits <= 16:
        raise UnreadableImageError(f"expected 8 or 16 bits a channel, but got {bits}; convert it.")
    top = 2**bits - 1
    if values.size and int(values.max()) > top:
        raise UnreadableImageError(f"expected values up to {top} ({bits} bits), but got {values.max()}; convert it.")
    if bits == 8:
        return values.astype(np.uint8)
    return ((values.astype(np.uint32) * 255 + top // 2) // top).astype(np.uint8)


def colour(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ``(H, W, 3)`` of grey ``(H, W)`` or ``(H, W, 1)``, colour, or colour with alpha, which is laid on black.

    Raises:
        UnreadableImageError: for any other number of channels.
    """
    levels = levels[..., None] if levels.ndim == 2 else levels
    channels = levels.shape[-1]
    if channels == 4:
        wide = levels.astype(np.uint16)
        return ((wide[..., :3] * wide[..., 3:] + 127) // 255).astype(np.uint8)
    if channels not in (1, 3):
        raise UnreadableImageError(f"expected grey or colour, but got {channels} channels; convert it.")
    return np.repeat(levels, 3, axis=-1) if channels == 1 else levels


def bits_of(dtype: np.dtype[Any]) -> int:
    """Return the bits of an unsigned type, whose range is its container's.

    Raises:
        UnreadableImageError: for signed and floating-point levels, which have no range, and for more than 16 bits.
    """
    if dtype.kind != "u" or dtype.itemsize > 2:
        raise UnreadableImageError(f"expected unsigned levels of 8 or 16 bits, but got {dtype.name}; convert it.")
    return 8 * dtype.itemsize
