"""Recognise a file's format by its first bytes, and name what reads it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.photographs._dicom_facts import dicom_facts
from fundus_mtl.photographs._dicom_pixels import dicom_levels
from fundus_mtl.photographs._header_facts import HeaderFacts
from fundus_mtl.photographs._jpeg import JPEG_MARK
from fundus_mtl.photographs._metaimage import metaimage
from fundus_mtl.photographs._nifti import head_of, nifti_facts, nifti_levels
from fundus_mtl.photographs._nrrd import nrrd
from fundus_mtl.photographs._png import PNG_MARK
from fundus_mtl.photographs._volume import Volume
from fundus_mtl.photographs._volume_header import MAX_HEADER

HEAD = 2**12
"""Bytes by which a format is recognised."""
_NIFTI = (b"n+1\0", b"n+2\0")
_METAIMAGE = re.compile(rb"(ObjectType|NDims|Comment)\s*=")
_TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)  # bytes
# A DICOM file that lacks its preamble begins with the length of its meta information, or with a group of its data.
_META_LENGTH = b"\x02\0\0\0UL\x04\0"
_DATA_SET = re.compile(rb"\x08\0[\0\x05\x08\x12\x16]\0(UL|CS|DA|UI|.\0\0\0)", re.DOTALL)


@dataclass(frozen=True)
class Format:
    """What reads a format that Pillow does not read.

    Attributes:
        levels: takes a file's bytes, a frame or None, and the most pixels; returns ``(H, W, 3)`` 0..255, upright.
        facts: takes an open file, and a frame or None.
        framed: whether a file may hold several pictures.
    """

    levels: Callable[[bytes, int | None, int], NDArray[np.uint8]]
    facts: Callable[[BinaryIO, int | None], HeaderFacts]
    framed: bool = False


def format_of(head: bytes) -> Format | None:
    """Return the format of a file that begins so; None for the formats that Pillow may read."""
    if is_dicom(head):
        return Format(dicom_levels, dicom_facts, framed=True)
    if _is_nifti(head):
        return Format(lambda data, _, most: nifti_levels(data, most), lambda file, _: nifti_facts(file))
    if head.startswith(b"NRRD000"):
        return _volume(nrrd)
    if _METAIMAGE.match(head):
        return _volume(metaimage)
    return None


def is_photograph(head: bytes) -> bool:
    """Return whether a file that begins so has one of the formats that are read, whatever its name."""
    bitmap = head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS
    return bitmap or head.startswith((JPEG_MARK, PNG_MARK, *_TIFF_MARKS)) or format_of(head) is not None


def is_dicom(head: bytes) -> bool:
    """Return whether a file that begins so is DICOM (PS3.10, 7.1), with or without the preamble."""
    return head[128:132] == b"DICM" or head.startswith(_META_LENGTH) or _DATA_SET.match(head) is not None


def _is_nifti(head: bytes) -> bool:
    start = head_of(head)
    return start[344:348] in _NIFTI or start[4:8] in _NIFTI


def _volume(parse: Callable[[bytes], Volume]) -> Format:
    return Format(
        lambda data, _, most: parse(data[:MAX_HEADER]).levels(data, most),
        lambda file, _: parse(file.read(MAX_HEADER)).facts(),
    )
