"""The markers of a JPEG stream, of which there may only be so many: decoders need a microsecond for each, and more for some.

Source: ITU-T T.81, annex B.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from fundus_mtl.photographs._unreadable import UnreadableImageError

END, SCAN, RESTARTS = 0xD9, 0xDA, 0xDD
_ALONE = (0x00, 0x01, *range(0xD0, 0xD9))  # without a length
MAX_MARKERS = 2**12
"""Most markers and fill bytes. Cameras write some tens; each 64 KiB of a thumbnail or profile have one."""
MAX_BESIDE = 2**24
"""Most bytes beside the coded pixels, 16 MiB."""
# What ends a scan; FF00 and restarts belong to it. One literal byte in front makes the search ten times as fast.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_LONG_FILL = b"\xff" * (MAX_MARKERS + 1)  # Pillow's time grows by the square of their number
_FILL = re.compile(rb"\xff+")


def markers(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield each marker with its offset; segments, and the coded data after a scan's header, are skipped.

    Raises:
        UnreadableImageError: if there are a great many, or much beside the pixels.
        IndexError: if the stream is cut, or something else is where a marker should be; also ``struct.error``.
    """
    offset, count, beside = 2, 0, 0
    while True:
        first = _FILL.match(data, offset)
        if first is None:
            raise IndexError
        count += first.end() - offset
        offset = first.end() - 1
        if count > MAX_MARKERS or beside > MAX_BESIDE:
            raise UnreadableImageError(
                f"expected a JPEG with at most {MAX_MARKERS} markers and {MAX_BESIDE} bytes beside its pixels, but got "
                "more; save it again."
            )
        marker = data[offset + 1]
        yield marker, offset
        length = 0 if marker in _ALONE else max(2, *struct.unpack_from(">H", data, offset + 2))
        beside += 2 + length
        offset += 2 + length
        if marker == SCAN:
            offset = end_of_scan(data, offset)


def end_of_scan(data: bytes, start: int) -> int:
    """Return where the marker after coded data begins; fill bytes in front of it belong to it.

    Raises:
        UnreadableImageError: if there are a great many fill bytes.
        IndexError: if there is no marker.
    """
    match = _MARKER.search(data, start)
    if data.find(_LONG_FILL, start, len(data) if match is None else match.start()) >= 0:
        raise UnreadableImageError(f"expected at most {MAX_MARKERS} fill bytes in a JPEG, but got more; save it again.")
    if match is None:
        raise IndexError
    return start + len(data[start : match.start()].rstrip(b"\xff"))


def refuse_long_jpeg(data: bytes) -> None:
    """Refuse a JPEG whose markers a decoder would read for minutes; what is broken is left to the decoder.

    Raises:
        UnreadableImageError: for it.
    """
    try:
        next(offset for marker, offset in markers(data) if marker == END)
    except (IndexError, struct.error, StopIteration):
        return
