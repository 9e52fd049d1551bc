"""Whether a PNG file holds all the pixels that its header promises; Pillow fills missing rows with black.

Source: PNG specification, third edition (W3C): chunks, filter bytes and the seven passes of Adam7.
"""

from __future__ import annotations

import zlib

from fundus_mtl.photographs._inflate import inflated_size
from fundus_mtl.photographs._unreadable import UnreadableImageError

PNG_MARK = b"\x89PNG\r\n\x1a\n"
MAX_PIXEL_CHUNKS, MAX_CHUNKS = 2**17, 1000
"""Most chunks: libpng writes 8 KiB of pixels in each, and few others."""
_PALETTE = 3  # colour type
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
# Of each pass of Adam7: first column and row, steps between columns and between rows.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def refuse_short_png(data: bytes) -> None:
    """Refuse a PNG file whose pixel data give fewer or more bytes than its header promises.

    Args:
        data: the whole file, whose size in pixels has been checked.

    Raises:
        UnreadableImageError: if they do, or the file is damaged.
    """
    header, palette, pieces = _chunks(data)
    expected = _expected(header)
    if header[9] == _PALETTE and not palette:
        raise UnreadableImageError("expected a PNG with its palette, but got none; save it again.")
    got = inflated_size(pieces, expected)
    if got != expected:
        raise UnreadableImageError(
            f"expected {expected} bytes of pixels as the header says, but got {'more' if got > expected else got}; "
            "the file is cut or damaged, copy it again."
        )


def refuse_many_chunks(data: bytes) -> None:
    """Refuse a PNG file of so many chunks that a decoder would read them for minutes.

    Raises:
        UnreadableImageError: for it.
    """
    offset, pixels, others = len(PNG_MARK), 0, 0
    while offset + 12 <= len(data):
        kind = data[offset + 4 : offset + 8]
        pixels, others = pixels + (kind == b"IDAT"), others + (kind != b"IDAT")
        if pixels > MAX_PIXEL_CHUNKS or others > MAX_CHUNKS:
            raise UnreadableImageError(
                f"expected at most {MAX_PIXEL_CHUNKS} chunks of pixels and {MAX_CHUNKS} others, but got more; save it again."
            )
        if kind == b"IEND":
            return
        offset += 12 + int.from_bytes(data[offset : offset + 4], "big")


def _chunks(data: bytes) -> tuple[bytes, bytes, list[memoryview]]:
    """Return the contents of the header, of the palette and of the pixel chunks."""
    view, offset, header, palette, pieces = memoryview(data), len(PNG_MARK), b"", b"", []
    while offset + 12 <= len(data):
        length, kind = int.from_bytes(data[offset : offset + 4], "big"), data[offset + 4 : offset + 8]
        contents, end = view[offset + 8 : offset + 8 + length], offset + 12 + length
        if kind in (b"IHDR", b"IDAT"):
            checksum = int.from_bytes(data[end - 4 : end], "big")
            if end > len(data) or zlib.crc32(contents, zlib.crc32(kind)) != checksum:
                raise UnreadableImageError("expected whole chunks, but got one that is cut or damaged; copy it again.")
        if kind == b"IHDR":
            header = bytes(contents)
        elif kind == b"PLTE":
            palette = bytes(contents)
        elif kind == b"IDAT":
            pieces.append(contents)
        elif kind == b"IEND":
            break
        offset = end
    return header, palette, pieces


def _expected(header: bytes) -> int:
    """Return the bytes of all rows, each with its filter byte."""
    if len(header) != 13 or header[9] not in _SAMPLES or header[12] > 1:
        raise UnreadableImageError("expected a PNG header, but got a broken one; copy it again.")
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    bits = header[8] * _SAMPLES[header[9]]
    passes = _PASSES if header[12] else ((0, 0, 1, 1),)
    total = 0
    for x, y, across, down in passes:
        columns, rows = -(-max(0, width - x) // across), -(-max(0, height - y) // down)
        total += rows * (1 + -(-columns * bits // 8)) if columns else 0
    return total
