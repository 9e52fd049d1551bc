"""Pictures as the bytes of a file."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.results._findings import Mask


def picture_bytes(picture: NDArray[np.uint8], extension: str, jpeg_quality: int = 90) -> bytes:
    """Return an RGB ``(H, W, 3)`` or grey ``(H, W)`` picture as the bytes of a file, ``.png`` or ``.jpg``."""
    import cv2

    options = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality] if extension == ".jpg" else []
    stored = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture
    ok, data = cv2.imencode(extension, stored, options)
    if not ok:
        raise ValueError(f"expected a picture that can be written as {extension}, but got shape {picture.shape}.")
    return bytes(data)


def mask_png(mask: Mask) -> bytes:
    """Return a mask ``(H, W)`` as PNG with one bit per pixel."""
    from PIL import Image

    return _png(Image.fromarray(mask))


def palette_png(codes: NDArray[np.uint8], palette: Sequence[tuple[int, int, int]]) -> bytes:
    """Return codes ``(H, W)`` as PNG in the colours of a palette, one RGB colour per code."""
    from PIL import Image

    picture = Image.fromarray(codes, mode="P")
    picture.putpalette([level for colour in palette for level in colour])
    return _png(picture)


def _png(picture: Any) -> bytes:
    stream = BytesIO()
    picture.save(stream, format="PNG", compress_level=4)
    return stream.getvalue()
