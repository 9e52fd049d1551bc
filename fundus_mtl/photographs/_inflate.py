"""Inflate compressed pixels to exactly the bytes that a header promises, or fail."""

from __future__ import annotations

import zlib

from fundus_mtl.photographs._unreadable import UnreadableImageError

GZIP, ZLIB, ZLIB_OR_GZIP = 31, 15, 47  # wbits of zlib
_STEP = 2**14  # bytes of input


def inflated(packed: bytes | memoryview, size: int, wbits: int) -> bytes:
    """Return the contents of one compressed stream, which fills ``packed`` and holds ``size`` bytes.

    At most ``size + 1`` bytes are ever made, whatever the stream would give. The checksum at its end is compared.

    Args:
        packed: the stream.
        size: bytes after inflating.
        wbits: ``GZIP``, ``ZLIB`` or ``ZLIB_OR_GZIP``.

    Raises:
        UnreadableImageError: if the stream gives fewer or more bytes, is damaged, or is followed by other bytes.
    """
    unpacker = zlib.decompressobj(wbits)
    try:
        data = unpacker.decompress(packed, size + 1)
        if len(data) == size and not unpacker.eof:
            data += unpacker.decompress(unpacker.unconsumed_tail, 1)  # reads the checksum
    except zlib.error:
        raise UnreadableImageError("expected whole compressed pixels, but they are damaged; copy it again.") from None
    if len(data) != size or not unpacker.eof:
        got = "more" if len(data) > size else f"{len(data)} and no end"
        raise UnreadableImageError(f"expected {size} bytes of inflated pixels, but got {got}; copy it again.")
    if unpacker.unused_data:
        raise UnreadableImageError("expected one compressed stream, but got bytes after its end; save it again.")
    return data


def inflated_size(pieces: list[memoryview], limit: int) -> int:
    """Return how many bytes a zlib stream gives, ``limit + 1`` for more than ``limit``; nothing is kept.

    Args:
        pieces: the stream, one after the other.
        limit: bytes after which counting stops.

    Returns:
        The number of bytes; those before the damage, or before the end of the pieces, where the stream is not whole.
    """
    unpacker, total = zlib.decompressobj(ZLIB), 0
    try:
        for piece in pieces:
            for start in range(0, len(piece), _STEP):  # small steps: one step gives at most about 1000 times its size
                total += len(unpacker.decompress(piece[start : start + _STEP]))
                if total > limit or unpacker.eof:
                    return min(total, limit + 1)
    except zlib.error:
        pass  # what came before the damage counts
    return total


def inflated_head(packed: bytes, size: int) -> bytes:
    """Return the first bytes of a gzip stream's contents; nothing if it is damaged before."""
    try:
        return zlib.decompressobj(GZIP).decompress(packed, size)
    except zlib.error:
        return b""
