"""Open a DICOM file for what it shows, and for nothing of whom it shows.

Only the elements that the picture needs are kept, so that names and dates come nowhere; pydicom's warnings, which quote
values, are silenced. Tags and terms: DICOM PS3.3, C.7.6.3 (Image Pixel) and C.8.17 (ophthalmic photography).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from fundus_mtl.photographs._unreadable import UnreadableImageError, named_damage

if TYPE_CHECKING:
    from pydicom import Dataset

MAX_FRAMES = 1000
"""More than any photograph has; a header may claim two thousand million."""

_PICTURE = ["SOPClassUID", "Modality", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation"]
_PICTURE += ["PlanarConfiguration", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"]
_PALETTE = [
    f"{kind}{name}PaletteColorLookupTable{part}"
    for name in ("Red", "Green", "Blue")
    for kind, part in (("", "Descriptor"), ("", "Data"), ("Segmented", "Data"))
]
_SIDE_AND_SCALE = ["ImageLaterality", "Laterality", "AnatomicRegionSequence", "PixelSpacing", "BurnedInAnnotation"]
_PER_FRAME = ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"]
_OPHTHALMIC = tuple(f"1.2.840.10008.5.1.4.1.1.77.1.5.{number}" for number in (1, 2, 5, 6))  # 8 bit, 16 bit, wide field
_VISIBLE_LIGHT = "1.2.840.10008.5.1.4.1.1.77.1.4"
_SECONDARY_CAPTURE = tuple(f"1.2.840.10008.5.1.4.1.1.7{kind}" for kind in ("", ".1", ".2", ".3", ".4"))
_PHOTOGRAPHS = (*_OPHTHALMIC, _VISIBLE_LIGHT, *_SECONDARY_CAPTURE)
_MODALITIES = ("OP", "XC", "OT", "ES", "GM", "")  # cameras, and exports that do not know
_DIRECTORY = "1.2.840.10008.1.3.10"
_DEFLATED = "1.2.840.10008.1.2.1.99"


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, Dataset]]:
    """Yield the file, standing before its pixel data, and the elements that describe the picture.

    Raises:
        UnreadableImageError: if it is damaged, deflated, or no photograph.
    """
    from pydicom import dcmread
    from pydicom.errors import BytesLengthException, InvalidDicomError
    from pydicom.filereader import read_file_meta_info

    with _silence(), named_damage("DICOM", BytesLengthException, InvalidDicomError), path.open("rb") as file:
        # The meta information first: pydicom inflates all of a deflated file, however large it gets.
        if read_file_meta_info(path).get("TransferSyntaxUID") == _DEFLATED:
            raise UnreadableImageError("expected a DICOM that is not deflated, but got one that is; write it anew.")
        header = dcmread(
            file, stop_before_pixels=True, specific_tags=[*_PICTURE, *_PALETTE, *_SIDE_AND_SCALE, *_PER_FRAME]
        )
        _refuse_others(header)
        yield file, header


def frame_count(path: Path) -> int:
    """Return the number of frames of a photograph, from its header.

    Raises:
        UnreadableImageError: as ``opened``, and if there are more than ``MAX_FRAMES``.
    """
    with opened(path) as (_, header):
        return frames_of(header)


def frames_of(header: Dataset) -> int:
    """Return the number of frames, 1 where the header names none.

    Raises:
        UnreadableImageError: if it is not from 1 to ``MAX_FRAMES``.
    """
    frames = int(header.get("NumberOfFrames") or 1)
    if not 1 <= frames <= MAX_FRAMES:
        raise UnreadableImageError(f"expected 1 to {MAX_FRAMES} frames, but got {frames}; split the file.")
    return frames


def is_directory(path: Path) -> bool:
    """Tell whether it is a DICOMDIR, the table of contents of a disk, by name or by content."""
    from pydicom.errors import BytesLengthException, InvalidDicomError
    from pydicom.filereader import read_file_meta_info

    if path.name.upper() == "DICOMDIR":
        return True
    try:
        with _silence(), named_damage("DICOM", BytesLengthException, InvalidDicomError):
            return bool(read_file_meta_info(path).get("MediaStorageSOPClassUID") == _DIRECTORY)
    except UnreadableImageError:
        return False


def _refuse_others(header: Dataset) -> None:
    kind = header.get("SOPClassUID")
    modality = str(header.get("Modality") or "").strip().upper()
    if kind not in _PHOTOGRAPHS:
        # A UID that the standard knows has a name; of any other nothing is said.
        name = kind.name if kind is not None and kind.name != str(kind) else "unknown"
        raise UnreadableImageError(f"expected a DICOM photograph, but got another kind of object ({name}).")
    if modality not in _MODALITIES:
        raise UnreadableImageError("expected a DICOM photograph of modality OP, XC or OT, but got another modality.")
    if not header.get("Rows") or not header.get("Columns"):
        raise UnreadableImageError("expected a DICOM photograph, but got an object without a picture.")


@contextmanager
def _silence() -> Iterator[None]:
    """Keep pydicom from quoting the file's values in warnings and logs, of which it writes both."""
    from pydicom.config import disable_value_validation

    logger = logging.getLogger("pydicom")
    propagate, logger.propagate = logger.propagate, False
    try:
        with warnings.catch_warnings(), disable_value_validation():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.propagate = propagate
