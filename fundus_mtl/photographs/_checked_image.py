"""A picture as an image of Pillow, after all checks of this package; for the preparation of data sets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from fundus_mtl.photographs._pixels import decoded
from fundus_mtl.photographs._source import whole_bytes

_MAX_PIXELS = 80_000_000


@contextmanager
def checked_image(path: str | os.PathLike[str], max_pixels: int = _MAX_PIXELS) -> Iterator[Image.Image]:
    """Yield a JPEG, PNG, TIFF or BMP as Pillow's image, with all its pixels decoded, as stored.

    Pillow alone opens many more formats; for some of them it starts other programs (EPS). It also takes files that lack
    a part of their pixels.

    Args:
        path: regular file of at most 512 MiB.
        max_pixels: checked in the header, before anything is decoded.

    Raises:
        UnreadableImageError: if it is too large, short of pixels, or no regular file.
        OSError: if it is missing or another file; Pillow may raise any of ``fundus_mtl.data.PHOTOGRAPH_ERRORS``.
    """
    with decoded(whole_bytes(Path(path)), as_mask=False, max_pixels=max_pixels) as image:
        yield image
