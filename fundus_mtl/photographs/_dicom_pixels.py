"""The picture in a DICOM file as levels of red, green and blue.

Sources: DICOM PS3.3 C.7.6.3; PS3.5, section 8 and annex A.4. The picture is shown as it is stored, as viewers show
photographs; windows, overlays and colour profiles are ignored.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fundus_mtl.photographs._dicom import dicom_head, frames_of, opened
from fundus_mtl.photographs._dicom_layout import (
    GREYS,
    enter_pixels,
    frame_index,
    refuse_missing_frames,
    refuse_other_frame,
    refuse_other_length,
    refuse_unknown_layout,
)
from fundus_mtl.photographs._jpeg import refuse_short_jpeg
from fundus_mtl.photographs._jpeg_markers import refuse_long_jpeg
from fundus_mtl.photographs._levels import colour, refuse_large, scaled
from fundus_mtl.photographs._unreadable import UnreadableImageError

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.pixels.decoders.base import Decoder

_JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
_RLE = "1.2.840.10008.1.2.5"


def dicom_levels(data: bytes, frame: int | None, max_pixels: int) -> NDArray[np.uint8]:
    """Return one frame as levels 0..255, ``(H, W, 3)``, scaled from the range of BitsStored.

    Args:
        data: the whole file.
        frame: Number of the frame, from 1; None for a file of one frame.
        max_pixels: checked in the header, and again in the header of the compressed frame.

    Raises:
        UnreadableImageError: if the file is no whole photograph, or one that cannot be decoded here.
    """
    file = io.BytesIO(data)
    head = dicom_head(file)
    with opened(head) as header:
        index = frame_index(header, frame)
        refuse_large(int(header.Columns), int(header.Rows), max_pixels)
        refuse_unknown_layout(header)
        decoder = _decoder(header)
        length, representation = enter_pixels(head, header)
        file.seek(head.tell())
        if not decoder.is_encapsulated:
            refuse_other_length(length, header)
        refuse_missing_frames(file, header)
        if decoder.is_encapsulated:
            pixels, interpretation = _compressed(file, header, decoder, index)
        else:
            pixels, interpretation = _decoded(file, header, decoder, index, representation)
        return _levels(pixels, interpretation, header)


def _decoder(header: Dataset) -> Decoder:
    from pydicom.pixels.decoders.base import get_decoder

    syntax = header.file_meta.TransferSyntaxUID
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise UnreadableImageError("expected a known compression, but got another; export it again.") from None
    if not decoder.is_available:
        raise UnreadableImageError(
            f"expected a compression that can be decoded here, but got {syntax.name}; install pydicom's plugin for it."
        )
    return decoder


def _compressed(file: BinaryIO, header: Dataset, decoder: Decoder, index: int) -> tuple[NDArray[Any], str]:
    from pydicom.encaps import get_frame

    frame = get_frame(file, index, number_of_frames=frames_of(header))
    refuse_other_frame(frame, header, run_lengths=decoder.UID == _RLE)
    if decoder.UID == _JPEG_BASELINE:
        return _baseline(frame, header)
    return _decoded(file, header, decoder, index, "OB")


def _baseline(frame: bytes, header: Dataset) -> tuple[NDArray[Any], str]:
    """Decode by Pillow, which obeys the marker of the frame's colours; pydicom 3.0 converts those of Adobe's twice."""
    refuse_long_jpeg(frame)
    with Image.open(io.BytesIO(frame), formats=("JPEG",)) as image:
        marked = "jfif" in image.info or "adobe_transform" in image.info
        interpretation = "RGB"
        if header.SamplesPerPixel == 1:
            pixels, interpretation = np.asarray(image.convert("L")), str(header.PhotometricInterpretation)
        elif not marked and header.PhotometricInterpretation == "RGB":
            image.draft("YCbCr", image.size)  # "no conversion": the samples are red, green and blue already
            pixels = np.asarray(image)
        else:
            pixels = np.asarray(image.convert("RGB"))
    refuse_short_jpeg(frame, pixels)
    return pixels, interpretation


def _decoded(
    file: BinaryIO, header: Dataset, decoder: Decoder, index: int, representation: str
) -> tuple[NDArray[Any], str]:
    """Decode by pydicom.

    Args:
        file: at the first byte of the pixel data's value.
        header: Header of the file.
        decoder: Decoder of its transfer syntax.
        index: Index of the frame, from 0.
        representation: Value representation: 8-bit pixels that are big endian and OW have their bytes swapped in pairs.
    """
    from pydicom.pixels.utils import as_pixel_options

    options = as_pixel_options(header, pixel_keyword="PixelData") | {"pixel_vr": representation}
    pixels, properties = decoder.as_array(file, index=index, **options)
    expected = (int(header.Rows), int(header.Columns))
    if pixels.shape[:2] != expected:
        raise UnreadableImageError(f"expected {expected} rows and columns of pixels, but got {pixels.shape[:2]}.")
    return pixels, str(properties["photometric_interpretation"])


def _levels(pixels: NDArray[Any], interpretation: str, header: Dataset) -> NDArray[np.uint8]:
    bits = int(header.BitsStored)
    if interpretation == "PALETTE COLOR":
        return _painted(pixels, header)
    if interpretation == "RGB" or interpretation in GREYS:
        levels = colour(scaled(pixels, bits))
        return 255 - levels if interpretation == "MONOCHROME1" else levels
    raise UnreadableImageError("expected colours that can be brought to RGB, but got others; convert it.")


def _painted(indices: NDArray[Any], header: Dataset) -> NDArray[np.uint8]:
    from pydicom.pixels.processing import apply_color_lut

    entries, first, bits = (int(value) for value in header.RedPaletteColorLookupTableDescriptor)
    last = min(first + (entries or 2**16) - 1, int(np.iinfo(indices.dtype).max))
    # pydicom's indices have the type of the table's entries and would wrap around.
    return colour(scaled(apply_color_lut(np.minimum(indices, last), header), bits))
