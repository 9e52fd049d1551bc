"""How large a picture is as viewers show it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

PICTURES = ("JPEG", "PNG", "TIFF", "BMP")
"""Formats of ordinary pictures. Pillow opens many more; for some of them (EPS) it starts other programs."""
_ORIENTATION, _SIDEWAYS = 274, (5, 6, 7, 8)  # EXIF


def picture_size(path: str | Path) -> tuple[int, int]:
    """Return the width and height of a JPEG, PNG, TIFF or BMP as viewers show it, px, from its header alone.

    Raises:
        OSError: if the file is missing, or is no such picture; Pillow may raise any of ``PHOTOGRAPH_ERRORS``.
    """
    with Image.open(path, formats=PICTURES) as image:
        width, height = image.size
        return (height, width) if image.getexif().get(_ORIENTATION) in _SIDEWAYS else (width, height)
