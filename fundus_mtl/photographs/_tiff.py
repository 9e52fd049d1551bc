"""What Pillow does not check in a TIFF file: several pages, layouts that it misreads, and pixels that are missing.

Source: TIFF 6.0; Technical Note 2 for JPEG in TIFF.
"""

from __future__ import annotations

from typing import Any

from PIL import Image

from fundus_mtl.photographs._jpeg import refuse_short_jpeg
from fundus_mtl.photographs._unreadable import UnreadableImageError

_BITS_PER_SAMPLE, _COMPRESSION, _PHOTOMETRIC, _PLANAR, _JPEG_TABLES = 258, 259, 262, 284, 347
_STRIP_OFFSETS, _STRIP_BYTES, _TILE_OFFSETS, _TILE_BYTES = 273, 279, 324, 325
_TILE_WIDTH, _TILE_HEIGHT, _SAMPLES = 322, 323, 277
_OLD_JPEG, _JPEG = 6, 7
_MOST_PAGES = 10  # that are counted: a file may name millions


def refuse_tiff(image: Image.Image, data: bytes, max_pixels: int) -> None:
    """Refuse a TIFF file that Pillow would decode wrongly or incompletely, before it is decoded.

    Args:
        image: opened, not decoded.
        data: the whole file.
        max_pixels: largest tile.

    Raises:
        UnreadableImageError: for several pages; more than 8 bits with separate planes, with white as zero or not 16 bits;
            tiles that are larger than any picture; JPEG strips that are cut.
    """
    _refuse_pages(image)
    tags: Any = getattr(image, "tag_v2", {})
    bits = max(tags.get(_BITS_PER_SAMPLE, (1,)))
    if bits > 8 and (bits != 16 or tags.get(_PLANAR) == 2 or tags.get(_PHOTOMETRIC) == 0):
        raise UnreadableImageError(
            "expected 8 bits a channel, or 16 that are interleaved with black as zero, "
            f"but got another TIFF of {bits} bits; convert it."
        )
    if int(tags.get(_TILE_WIDTH, 1)) * int(tags.get(_TILE_HEIGHT, 1)) > max_pixels:
        raise UnreadableImageError(
            f"expected tiles of at most {max_pixels} pixels, but got larger ones; save it again."
        )
    if tags.get(_COMPRESSION) == _OLD_JPEG:
        raise UnreadableImageError("expected a TIFF without the old JPEG compression, but got one; convert it.")
    if tags.get(_COMPRESSION) == _JPEG:
        _refuse_cut_strips(tags, data)


def planes(image: Image.Image) -> int:
    """Return how many layers hold a picture's colours: one, or one for each channel in some TIFF files."""
    tags: Any = getattr(image, "tag_v2", {})
    return int(tags.get(_SAMPLES, 1)) if tags.get(_PLANAR) == 2 else 1


def _refuse_pages(image: Image.Image) -> None:
    pages = 1
    try:
        while pages < _MOST_PAGES:
            image.seek(pages)
            pages += 1
    except EOFError:
        pass
    if pages > 1:
        least = "at least " if pages == _MOST_PAGES else ""
        raise UnreadableImageError(f"expected one picture, but got {least}{pages} pages; save the one that is meant.")
    image.seek(0)


def _refuse_cut_strips(tags: Any, data: bytes) -> None:
    """Check each JPEG strip or tile, with the tables that they share in front."""
    tables = bytes(tags.get(_JPEG_TABLES, b""))[:-2] or b"\xff\xd8"  # without their end marker
    offsets, lengths = (
        _numbers(tags.get(strips, tags.get(tiles, ())))
        for strips, tiles in ((_STRIP_OFFSETS, _TILE_OFFSETS), (_STRIP_BYTES, _TILE_BYTES))
    )
    for offset, length in zip(offsets, lengths, strict=True):
        refuse_short_jpeg(tables + data[offset + 2 : offset + length])


def _numbers(value: Any) -> tuple[int, ...]:
    """Return a tag's values; Pillow gives a single one as a number."""
    return (value,) if isinstance(value, int) else tuple(value)
