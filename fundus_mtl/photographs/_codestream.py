"""The size of a compressed picture, from its own header: JPEG, JPEG-LS and JPEG 2000."""

from __future__ import annotations

import struct

from fundus_mtl.photographs._unreadable import UnreadableImageError

_NO_FRAME_HEADERS = (0xC4, 0xC8, 0xCC)  # tables and a reserved one among the markers C0..CF
_JPEG_LS = 0xF7


def codestream_size(frame: bytes) -> tuple[int, int, int]:
    """Return width, height and bits per sample of a JPEG, JPEG-LS or JPEG 2000 code stream, without decoding it.

    Raises:
        UnreadableImageError: if it is none of them, or has no frame header.
    """
    try:
        if frame[:4] == b"\xff\x4f\xff\x51":
            right, lower, left, upper = struct.unpack_from(">4I", frame, 8)
            return right - left, lower - upper, (frame[42] & 0x7F) + 1
        if frame[:2] == b"\xff\xd8":
            return _jpeg_size(frame)
    except (struct.error, IndexError):
        pass  # cut before its header ends
    raise UnreadableImageError("expected a JPEG, JPEG-LS or JPEG 2000 code stream, but got another or a broken one.")


def _jpeg_size(frame: bytes) -> tuple[int, int, int]:
    offset = 2
    while True:
        lead, marker = frame[offset], frame[offset + 1]
        if lead != 0xFF:
            raise IndexError
        if marker == 0xFF:  # fill
            offset += 1
        elif (0xC0 <= marker <= 0xCF and marker not in _NO_FRAME_HEADERS) or marker == _JPEG_LS:
            bits, height, width = struct.unpack_from(">BHH", frame, offset + 4)
            return width, height, bits
        else:
            (length,) = struct.unpack_from(">H", frame, offset + 2)
            if length < 2:
                raise IndexError
            offset += 2 + length
