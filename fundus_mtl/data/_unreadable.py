"""Say in one sentence why a file is no picture."""

from __future__ import annotations

import struct
import zlib

from PIL import Image, UnidentifiedImageError

# What Pillow's decoders raise for damaged files (found by damaging files).
DAMAGE = (
    OSError,
    ValueError,
    SyntaxError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


class UnreadableImageError(OSError):
    """A file that cannot be read as the photograph or mask that it should be."""


def sentence(error: Exception, max_pixels: int) -> str:
    """Return what was expected and what there is instead, without the file's path."""
    if isinstance(error, UnreadableImageError):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return "expected a file, but there is none of this name."
    if isinstance(error, UnidentifiedImageError):
        return "expected JPEG, PNG, TIFF or BMP, but got another or a broken file."
    if isinstance(error, Image.DecompressionBombError):
        return f"expected at most {max_pixels} pixels, but got many more; reduce it."
    # strerror, where there is one, is the message without the path.
    return f"expected a whole picture, but it cannot be decoded ({getattr(error, 'strerror', None) or error})."
