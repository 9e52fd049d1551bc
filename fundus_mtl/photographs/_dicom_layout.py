"""What a DICOM header promises of its pixels, checked before any is decoded.

Source: DICOM PS3.3 C.7.6.3 (Image Pixel) and PS3.5 7.1 (elements), 8.1.1 and 8.2 (pixels, native and encapsulated).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from fundus_mtl.photographs._codestream import codestream_size
from fundus_mtl.photographs._dicom import frames_of
from fundus_mtl.photographs._unreadable import UnreadableImageError

if TYPE_CHECKING:
    from pydicom import Dataset

GREYS = ("MONOCHROME1", "MONOCHROME2")
_ITEM = b"\xfe\xff\x00\xe0"  # tag (FFFE,E000); encapsulated pixels are little endian
_END_OF_ITEMS = b"\xfe\xff\xdd\xe0"  # (FFFE,E0DD)
_MAX_FRAGMENTS = 2**16
_END_OF_STREAM = b"\xff\xd9"  # of JPEG, JPEG-LS and JPEG 2000 alike
_COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


def frame_index(header: Dataset, frame: int | None) -> int:
    """Return the index of the frame, from 0.

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


def enter_pixels(file: BinaryIO, header: Dataset) -> tuple[int, str]:
    """Move from the pixel data's tag to its value; return its length in bytes, and its value representation.

    Args:
        file: File at the position where `opened` leaves it.
        header: Header of the file.

    Raises:
        UnreadableImageError: if there are no pixel data, or the file ends before.
    """
    syntax = header.file_meta.TransferSyntaxUID
    start = file.read(8 if syntax.is_implicit_VR else 12)
    if len(start) < 8 or start[:4] != struct.pack("<HH" if syntax.is_little_endian else ">HH", 0x7FE0, 0x0010):
        raise UnreadableImageError("expected a DICOM photograph, but got a file that ends before its pixels.")
    length = int.from_bytes(start[-4:], "little" if syntax.is_little_endian else "big")
    return length, "OW" if syntax.is_implicit_VR else start[4:6].decode("latin-1")


def refuse_missing_frames(file: BinaryIO, header: Dataset) -> None:
    """Refuse a file that holds fewer frames than its header names, or a great many parts; nothing is decoded.

    Args:
        file: open, at the first byte of the pixel data's value.
        header: Header of the file.

    Raises:
        UnreadableImageError: for them.
    """
    frames, start = frames_of(header), file.tell()
    if header.file_meta.TransferSyntaxUID.is_encapsulated:
        present = _fragments(file)
    else:
        present = (file.seek(0, 2) - start) // max(1, -(-_bits(header) // (8 * frames)))
    file.seek(start)
    if present < frames:
        raise UnreadableImageError(f"expected {frames} frames, but got a file that holds {present}; copy it again.")


def _fragments(file: BinaryIO) -> int:
    """Return how many items follow the offset table; each is at least a part of a frame (PS3.5, A.4).

    Raises:
        UnreadableImageError: if there are a great many, or the mark of their end is not where they end.
    """
    items = 0
    while (start := file.read(8))[:4] == _ITEM and len(start) == 8:
        items += 1
        if items > _MAX_FRAGMENTS:
            raise UnreadableImageError(f"expected at most {_MAX_FRAGMENTS} fragments, but got more; export it again.")
        file.seek(int.from_bytes(start[4:], "little"), 1)
    if start[:4] != _END_OF_ITEMS:
        raise UnreadableImageError(
            "expected a mark at the end of the pixels, but got a file that is cut; copy it again."
        )
    return max(0, items - 1)


def refuse_other_length(length: int, header: Dataset) -> None:
    """Refuse native pixels of another length.

    Padding behind them is accepted, but not as much as another frame. Of YBR_FULL_422 not even that: pydicom takes such
    pictures that are not halved, and mixes their colours.

    Raises:
        UnreadableImageError: if there are too few bytes, or too many.
    """
    expected = -(-_bits(header) // 8)
    padding = 1 if _halved(header) else expected // frames_of(header) - 1
    if not expected <= length <= expected + max(1, padding):
        raise UnreadableImageError(f"expected {expected} bytes of pixels, but got {length}.")


def _bits(header: Dataset) -> int:
    """Return the bits of all frames, native."""
    samples = 2 if _halved(header) else int(header.SamplesPerPixel)
    return int(header.Rows) * int(header.Columns) * samples * int(header.BitsAllocated) * frames_of(header)


def _halved(header: Dataset) -> bool:
    return str(header.PhotometricInterpretation) == "YBR_FULL_422"


def refuse_other_frame(frame: bytes, header: Dataset, run_lengths: bool) -> None:
    """Refuse a compressed frame that has no end, is larger than its header says, or has fewer bits.

    Args:
        frame: compressed bytes.
        header: Header of the file.
        run_lengths: whether the frame is run-length encoded; else it is a code stream that names its size.

    Raises:
        UnreadableImageError: if they disagree.
    """
    width, height = int(header.Columns), int(header.Rows)
    if run_lengths:
        # PackBits grows by one byte in 128 at most: a longer frame is padding, or a bomb.
        if len(frame) > 64 + 2 * width * height * int(header.SamplesPerPixel) * int(header.BitsAllocated) // 8:
            raise UnreadableImageError("expected a frame about as long as its pixels, but got a much longer one.")
        return
    # A decoder of JPEG-LS (CharLS 2.4) looks for the end beyond the frame's memory, for seconds, where there is none.
    if not frame.rstrip(b"\0").endswith(_END_OF_STREAM):
        raise UnreadableImageError("expected a frame with an end marker, but got one that is cut; copy it again.")
    found_width, found_height, bits = codestream_size(frame)
    if (found_width, found_height) != (width, height) or bits < int(header.BitsStored):
        raise UnreadableImageError(
            f"expected a frame of {width}x{height} pixels of {header.BitsStored} bits as its header says, "
            f"but got {found_width}x{found_height} of {bits} bits."
        )
