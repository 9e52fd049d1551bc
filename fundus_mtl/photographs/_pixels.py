"""Decode JPEG, PNG, TIFF and BMP by Pillow, to upright RGB levels or to the values of a mask."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from fundus_mtl.photographs._jpeg import JPEG_MARK, refuse_short_jpeg
from fundus_mtl.photographs._jpeg_markers import refuse_long_jpeg
from fundus_mtl.photographs._levels import colour, refuse_large, scaled
from fundus_mtl.photographs._png import PNG_MARK, refuse_many_chunks, refuse_short_png
from fundus_mtl.photographs._tiff import planes, refuse_tiff
from fundus_mtl.photographs._unreadable import UnreadableImageError

FORMATS = ("JPEG", "PNG", "TIFF", "BMP")
_LOSSY = ("JPEG", "MPO")

Pixels = NDArray[Any]


def picture(data: bytes, as_mask: bool, max_pixels: int) -> Pixels:
    """Return a file's upright pixels ``(H, W, C)``: levels of red, green and blue, or the values of a mask.

    Args:
        data: the whole file.
        as_mask: whether it has to be a mask.
        max_pixels: checked in the header, before anything is decoded.

    Raises:
        UnreadableImageError: if it is too large by its header, short of pixels, or not what it should be; Pillow's own
            errors pass.
    """
    with decoded(data, as_mask, max_pixels) as image:
        return upright(image, mask_values(image) if as_mask else rgb_levels(image))


@contextmanager
def decoded(data: bytes, as_mask: bool, max_pixels: int) -> Iterator[Image.Image]:
    """Yield a file as Pillow's image, with all its pixels decoded, as they are stored; see `picture`."""
    if data.startswith(JPEG_MARK):
        refuse_long_jpeg(data)
    elif data.startswith(PNG_MARK):
        refuse_many_chunks(data)
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        refuse_large(image.width, image.height, max_pixels)
        refuse_misread(image, data, as_mask, max_pixels)
        image.load()
        if image.format in _LOSSY and not as_mask:
            corner = image.crop((image.width - 1, image.height - 1, image.width, image.height))
            refuse_short_jpeg(data, np.asarray(corner))
        yield image


def rgb_levels(image: Image.Image) -> NDArray[np.uint8]:
    """Return the picture as ``(H, W, 3)`` levels 0..255.

    Transparent pixels are laid on black. 16-bit grey is scaled from the container's range, 65535 to 255, the same for
    every picture: a stretch per picture would make brightness incomparable. Of 16-bit colour Pillow keeps the upper
    byte. Colour profiles (ICC) are ignored.

    Raises:
        UnreadableImageError: for 32-bit and floating-point levels, which have no range, and for other colour spaces.
    """
    if image.mode.startswith("I;16"):
        return colour(scaled(np.asarray(image), 16))
    if set("Aa") & set(image.getbands()) or "transparency" in image.info:
        return colour(np.asarray(image.convert("RGBA")))
    if image.mode not in ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr"):
        raise UnreadableImageError(
            f"expected grey or colour of 8 or 16 bits a channel, but got mode {image.mode}; convert it."
        )
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def mask_values(image: Image.Image) -> NDArray[np.uint8]:
    """Return a mask's values ``(H, W, 1)``: palette indices, 0 and 1 of 1-bit files, grey levels as they are.

    Raises:
        UnreadableImageError: for colours, partial transparency, values above 255, and lossy files, whose noise is not
            zero.
    """
    if image.format in _LOSSY:
        raise UnreadableImageError(
            f"expected a mask without loss (png, tif, bmp), but got {image.format}; save it again."
        )
    if image.mode not in ("1", "L", "P", "LA", "RGB", "RGBA", "I;16", "I;16B"):
        raise UnreadableImageError(f"expected a mask of one channel, but got mode {image.mode}; convert it.")
    values = np.atleast_3d(np.asarray(image))
    if image.mode.endswith("A") and (values[..., -1] != 255).any():
        raise UnreadableImageError("expected an opaque mask, but got transparent pixels; remove the alpha channel.")
    colours = values[..., :-1] if image.mode.endswith("A") else values
    if (colours != colours[..., :1]).any():
        raise UnreadableImageError(
            "expected a mask of one channel, but got colours; convert its colours to values first."
        )
    if colours.max() > 255:
        raise UnreadableImageError(f"expected mask values up to 255, but got {colours.max()}; write it with 8 bits.")
    return colours[..., :1].astype(np.uint8)


def refuse_misread(image: Image.Image, data: bytes, as_mask: bool, max_pixels: int) -> None:
    """Refuse files that Pillow decodes without an error, but wrongly or incompletely (before decoding).

    Args:
        image: opened, not decoded.
        data: the whole file.
        as_mask: whether it has to be a mask.
        max_pixels: largest tile of a TIFF.

    Raises:
        UnreadableImageError: As from `refuse_tiff` and `refuse_short_png`; where strips or tiles leave a part of the picture
            out; and for colour masks of 16 bits, of which Pillow drops the lower byte.
    """
    if image.format == "TIFF":
        refuse_tiff(image, data, max_pixels)
    elif image.format == "PNG":
        refuse_short_png(data)
    tiles: Any = getattr(image, "tile", [])
    if as_mask and image.mode in ("RGB", "RGBA") and tiles and ";16" in str(tiles[0][3]):
        raise UnreadableImageError("expected a mask of one channel, but got 16-bit colour; write it as 8-bit grey.")
    _refuse_gaps(image, tiles)


def _refuse_gaps(image: Image.Image, tiles: Any) -> None:
    """Refuse a picture of which no strip or tile fills some part: Pillow leaves it black."""
    covered = sum((right - left) * (lower - upper) for left, upper, right, lower in (tile[1] for tile in tiles))
    layers = planes(image) if all(tile[0] == "raw" for tile in tiles) else 1  # libtiff's layers count as one
    if covered < layers * image.width * image.height:
        raise UnreadableImageError("expected all strips or tiles of the picture, but some are missing; copy it again.")


def upright(image: Image.Image, pixels: Pixels) -> Pixels:
    """Turn pixels ``(H, W, C)`` of a decoded file upright, by its EXIF orientation 1..8.

    A missing, illegal or unreadable orientation means 1, as in image viewers. Pillow itself turns TIFF files.
    """
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (
        SyntaxError,
        ValueError,
        LookupError,
        OSError,
        TypeError,
        OverflowError,
    ):  # what Pillow raises for broken EXIF
        return pixels
    turn = _turns().get(orientation) if isinstance(orientation, int) else None
    return pixels if turn is None else turn(pixels)


def _turns() -> dict[int, Callable[[Pixels], Pixels]]:
    return {
        2: np.fliplr,
        3: lambda pixels: np.rot90(pixels, 2),
        4: np.flipud,
        5: lambda pixels: np.swapaxes(pixels, 0, 1),
        6: lambda pixels: np.rot90(pixels, -1),
        7: lambda pixels: np.rot90(np.swapaxes(pixels, 0, 1), 2),
        8: np.rot90,
    }
