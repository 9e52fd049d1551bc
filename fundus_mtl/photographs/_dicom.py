"""Read the header of a DICOM file, without anything that identifies the patient.

Only the elements that the picture needs are kept, so that names and dates go nowhere; pydicom's warnings, which quote
values, are silenced. Tags and terms: DICOM PS3.3, C.7.6.3 (Image Pixel) and C.8.17 (ophthalmic photography).
"""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from fundus_mtl.photographs._source import opened_file
from fundus_mtl.photographs._unreadable import UnreadableImageError, named_damage

if TYPE_CHECKING:
    from pydicom import Dataset

MAX_FRAMES = 1000
"""More than any photograph has; a header may claim two thousand million."""
MAX_HEADER = 2**22
"""Bytes before the pixel data, 4 MiB: each element takes time."""

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
_MODALITIES = ("OP", "XC", "OT", "ES", "GM", "")  # cameras, and exports without a modality
_DIRECTORY = "1.2.840.10008.1.3.10"
_DEFLATED = "1.2.840.10008.1.2.1.99"


def dicom_head(file: BinaryIO) -> BinaryIO:
    """Return the part of an open file in which the header has to end, in memory."""
    return io.BytesIO(file.read(MAX_HEADER))


@contextmanager
def opened(head: BinaryIO) -> Iterator[Dataset]:
    """Yield the elements that describe the picture, and leave ``head`` at the tag of the pixel data.

    Args:
        head: Result of `dicom_head`.

    Raises:
        UnreadableImageError: if it is damaged, deflated, or no photograph.
    """
    from pydicom import dcmread

    with _damage():
        # The meta information first: pydicom inflates all of a deflated file, however large it gets.
        syntax = _meta(head).get("TransferSyntaxUID")
        if syntax is None:
            raise UnreadableImageError("expected a DICOM with its transfer syntax, but got none; export it again.")
        if syntax == _DEFLATED:
            raise UnreadableImageError(
                "expected a DICOM that is not deflated, but got a deflated one; export it again."
            )
        head.seek(0)
        tags = [*_PICTURE, *_PALETTE, *_SIDE_AND_SCALE, *_PER_FRAME]
        header = dcmread(head, stop_before_pixels=True, specific_tags=tags, force=True)  # also without the preamble
        _refuse_others(header)
        yield header


def frames_of(header: Dataset) -> int:
    """Return the number of frames that the header names, 1 where it names none.

    Raises:
        UnreadableImageError: if it is not from 1 to ``MAX_FRAMES``.
    """
    frames = int(header.get("NumberOfFrames") or 1)
    if not 1 <= frames <= MAX_FRAMES:
        raise UnreadableImageError(f"expected 1 to {MAX_FRAMES} frames, but got {frames}; split the file.")
    return frames


def is_directory(path: Path) -> bool:
    """Return whether it is a DICOMDIR, the table of contents of a disk, by name or by content."""
    if path.name.upper() == "DICOMDIR":
        return True
    try:
        with opened_file(path) as file, _damage():
            return bool(_meta(dicom_head(file)).get("MediaStorageSOPClassUID") == _DIRECTORY)
    except UnreadableImageError:
        return False


def _meta(head: BinaryIO) -> Dataset:
    """Return the file meta information (group 0002), empty where there is none; it is always explicit little endian."""
    from pydicom.filereader import read_dataset, read_preamble

    read_preamble(head, force=True)
    return read_dataset(head, False, True, stop_when=lambda tag, _, __: tag.group != 2)


def _refuse_others(header: Dataset) -> None:
    kind = header.get("SOPClassUID")
    modality = str(header.get("Modality") or "").strip().upper()
    if kind not in _PHOTOGRAPHS:
        # A UID of the standard has a name; any other is not quoted.
        name = kind.name if kind is not None and kind.name != str(kind) else "unknown"
        raise UnreadableImageError(f"expected a DICOM photograph, but got another kind of object ({name}).")
    if modality not in _MODALITIES:
        raise UnreadableImageError("expected a DICOM photograph of modality OP, XC or OT, but got another modality.")
    if not header.get("Rows") or not header.get("Columns"):
        raise UnreadableImageError("expected a DICOM photograph, but got an object without a picture.")


@contextmanager
def _damage() -> Iterator[None]:
    """Turn pydicom's errors into sentences, and silence it: its warnings and logs quote values of the file."""
    from pydicom.errors import BytesLengthException, InvalidDicomError

    with _silence(), named_damage("DICOM", BytesLengthException, InvalidDicomError):
        yield


@contextmanager
def _silence() -> Iterator[None]:
    from pydicom.config import disable_value_validation

    logger = logging.getLogger("pydicom")
    propagate, logger.propagate = logger.propagate, False
    try:
        with warnings.catch_warnings(), disable_value_validation():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.propagate = propagate
