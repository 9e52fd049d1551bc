"""What a DICOM header says of its pixels, checked before any is decoded.

Source: DICOM PS3.3 C.7.6.3 (Image Pixel) and PS3.5 7.1 (elements), 8.1.1 and 8.2 (pixels, native and encapsulated).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from fundus_mtl.data._codestream import codestream_size
from fundus_mtl.data._dicom import frames_of
from fundus_mtl.data._unreadable import UnreadableImageError

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
