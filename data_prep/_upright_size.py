"""How large a picture is as viewers show it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from fundus_mtl.data import PHOTOGRAPH_ERRORS, plain_reason

_ORIENTATION, _SIDEWAYS = 274, (5, 6, 7, 8)  # EXIF


def upright_size(path: Path, name: str, kind: str) -> tuple[int, int]:
    """Return the width and height in px of a picture as viewers show it, from its header alone.

    Raises:
        ValueError: if it is no readable picture.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            sideways = image.getexif().get(_ORIENTATION) in _SIDEWAYS
    except PHOTOGRAPH_ERRORS as error:
        raise ValueError(
            f"{name}: expected a readable {kind}, but got: {plain_reason(error)}; unpack it again."
        ) from error
    return (height, width) if sideways else (width, height)
