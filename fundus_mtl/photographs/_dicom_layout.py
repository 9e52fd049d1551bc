"""What a DICOM header says of its pixels, checked before any is decoded.

Source: DICOM PS3.3 C.7.6.3 (Image Pixel) and PS3.5 7.1 (elements), 8.1.1 and 8.2 (pixels, native and encapsulated).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from fundus_mtl.photographs._dicom import frames_of
from fundus_mtl.photographs._unreadable import UnreadableImageError

if TYPE_CHECKING:
    from pydicom import Dataset

GREYS = ("MONOCHROME1", "MONOCHROME2")
_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


def frame_index(header: Dataset, frame: int | None) -> int:
    """Return where the frame lies, from 0.

    Raises:
        UnreadableImageError: if there is no such frame, or several and none is named.
    """
    frames = frames_of(header)
    if frame is None and frames > 1:
        raise UnreadableImageError(f"expected one picture, but got {frames} frames; name one by #1 to #{frames}.")
    if frame is not None and frame > frames:
        raise UnreadableImageError(f"expected a frame from 1 to {frames}, but got {frame}.")
    return (frame or 1) - 1


def refuse_unknown_layout(header: Dataset) -> None:
    """Refuse colours, signs and bits that would be shown wrongly.

    Raises:
        UnreadableImageError: for them.
    """
    interpretation, samples = str(header.PhotometricInterpretation), int(header.SamplesPerPixel)
    expected = 3 if interpretation in _COLOURS else 1
    if interpretation not in (*_COLOURS, *GREYS, "PALETTE COLOR") or samples != expected:
        raise UnreadableImageError(
            f"expected RGB, YBR_FULL, YBR_FULL_422, MONOCHROME or PALETTE COLOR, but got another photometric "
            f"interpretation of {samples} samples; convert it."
        )
    stored = int(header.BitsStored)
    if int(header.PixelRepresentation) or int(header.get("HighBit", stored - 1)) != stored - 1 or stored > 16:
        raise UnreadableImageError(
            "expected unsigned levels in the lower 16 bits or fewer, but got others; convert it."
        )


def enter_pixels(file: BinaryIO, header: Dataset) -> int:
    """Go from the pixel data's tag to its value, and return its length in bytes.

    Raises:
        UnreadableImageError: if the file ends before.
    """
    syntax = header.file_meta.TransferSyntaxUID
    if len(start := file.read(8 if syntax.is_implicit_VR else 12)) < 8:
        raise UnreadableImageError("expected a DICOM photograph, but got a file that ends before its pixels.")
    return int.from_bytes(start[-4:], "little" if syntax.is_little_endian else "big")


def refuse_other_length(length: int, header: Dataset) -> None:
    """Refuse native pixels of another length: pydicom takes YBR_FULL_422 that is not halved, and mixes its colours.

    Raises:
        UnreadableImageError: if there are too few, or too many for a halved picture.
    """
    halved = str(header.PhotometricInterpretation) == "YBR_FULL_422"
    samples = 2 if halved else int(header.SamplesPerPixel)
    bits = int(header.Rows) * int(header.Columns) * samples * int(header.BitsAllocated) * frames_of(header)
    expected = -(-bits // 8)
    if length < expected or (halved and length > expected + 1):
        raise UnreadableImageError(f"expected {expected} bytes of pixels, but got {length}.")


def refuse_other_frame(frame: bytes, header: Dataset, run_lengths: bool) -> None:
    """Refuse a compressed frame that is larger than its header says, or has fewer bits.

    Args:
        frame: as it is in the file.
        header: of the file.
        run_lengths: whether it is run-length encoded; else it is a code stream that names its size.

    Raises:
        UnreadableImageError: if they disagree.
    """
    width, height = int(header.Columns), int(header.Rows)
    if run_lengths:
        # PackBits grows by one byte in 128 at most: a longer frame is padding, or a bomb.
        if len(frame) > 64 + 2 * width * height * int(header.SamplesPerPixel) * int(header.BitsAllocated) // 8:
            raise UnreadableImageError("expected a frame about as long as its pixels, but got a much longer one.")
        return
    found_width, found_height, bits = codestream_size(frame)
    if (found_width, found_height) != (width, height) or bits < int(header.BitsStored):
        raise UnreadableImageError(
            f"expected a frame of {width}x{height} pixels of {header.BitsStored} bits as its header says, "
            f"but got {found_width}x{found_height} of {bits} bits."
        )


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
