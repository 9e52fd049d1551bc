"""The reason why a file is no picture, in one sentence."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, UnidentifiedImageError

# What Pillow's decoders raise for damaged files (found by damaging files).
DAMAGE: tuple[type[Exception], ...] = (
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


@contextmanager
def named_damage(kind: str, *more: type[Exception]) -> Iterator[None]:
    """Turn what a library raises for a damaged file into a sentence that holds nothing of the file's contents.

    Libraries quote the values at which they fail, and in a DICOM these may be the patient's name.

    Args:
        kind: format of the picture, for the sentence.
        more: further classes of errors that the library raises.

    Raises:
        UnreadableImageError: in place of the library's error; errors of the file system pass.
    """
    kinds: tuple[type[Exception], ...] = (*DAMAGE, RuntimeError, AttributeError, *more)
    try:
        yield
    except kinds as error:
        if isinstance(error, UnreadableImageError) or (isinstance(error, OSError) and error.strerror):
            raise
        raise UnreadableImageError(
            f"expected a whole {kind} picture, but it cannot be decoded ({type(error).__name__})."
        ) from None


def sentence(error: Exception, max_pixels: int) -> str:
    """Return what was expected and what the file is instead, without its path."""
    if isinstance(error, UnreadableImageError):
        return str(error)
    if isinstance(error, FileNotFoundError):
        return "expected a file, but there is none of this name."
    if isinstance(error, UnidentifiedImageError):
        return "expected JPEG, PNG, TIFF, BMP, DICOM, NIfTI, mha or nrrd, but got another or a broken file."
    if isinstance(error, Image.DecompressionBombError):
        return f"expected at most {max_pixels} pixels, but got many more; reduce it."
    # strerror, where there is one, is the message without the path.
    return f"expected a whole picture, but it cannot be decoded ({getattr(error, 'strerror', None) or error})."
