"""Tell a file's format by its first bytes, and name what reads it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.photographs._dicom_facts import dicom_facts
from fundus_mtl.photographs._dicom_pixels import dicom_levels
from fundus_mtl.photographs._header_facts import Facts
from fundus_mtl.photographs._nifti import inflated, nifti_facts, nifti_levels
from fundus_mtl.photographs._volume import METAIMAGE, NRRD, volume_facts, volume_levels

_HEAD = 540  # bytes; the longest header that is looked at, NIfTI-2
_NIFTI = (b"n+1\0", b"n+2\0")


@dataclass(frozen=True)
class Format:
    """What reads a format that Pillow does not.

    Attributes:
        levels: of a file, a frame or None, and the most pixels: ``(H, W, 3)`` 0..255, upright.
        facts: of a file, and a frame or None.
        framed: whether a file may hold several pictures.
    """

    levels: Callable[[Path, int | None, int], NDArray[np.uint8]]
    facts: Callable[[Path, int | None], Facts]
    framed: bool = False


def format_of(path: Path) -> Format | None:
    """Return the format of a file, None for all that Pillow may know.

    Raises:
        OSError: if it cannot be opened.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if is_dicom(head):
        return Format(dicom_levels, dicom_facts, framed=True)
    if head.startswith(b"\x1f\x8b"):
        head = inflated(path, _HEAD)
    if head[344:348] in _NIFTI or head[4:8] in _NIFTI:
        return Format(lambda path, _, most: nifti_levels(path, most), lambda path, _: nifti_facts(path))
    if head.startswith(b"NRRD000"):
        return _volume(NRRD)
    if re.match(rb"(ObjectType|NDims|Comment)\s*=", head):
        return _volume(METAIMAGE)
    return None


def is_dicom(head: bytes) -> bool:
    """Tell whether a file that begins with these 132 bytes or more is DICOM (PS3.10, 7.1)."""
    return head[128:132] == b"DICM"


def _volume(library: str) -> Format:
    return Format(
        lambda path, _, most: volume_levels(path, most, library),
        lambda path, _: volume_facts(path, library),
    )
