"""A photograph in a MetaImage (mha) or NRRD file, as a viewer of volumes shows it; read by SimpleITK."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.photographs._header_facts import Facts, no_facts
from fundus_mtl.photographs._levels import bits_of, colour, scaled
from fundus_mtl.photographs._plane import Plane, plane_of
from fundus_mtl.photographs._unreadable import UnreadableImageError, named_damage

_HEADER = 2**16  # bytes in which the field that names the pixels' place must come
METAIMAGE, NRRD = "MetaImageIO", "NrrdImageIO"


def volume_levels(path: Path, max_pixels: int, library: str) -> NDArray[np.uint8]:
    """Return the picture as levels 0..255, ``(H, W, 3)``; 16 bits are scaled from the container's range.

    Args:
        path: of the file.
        max_pixels: checked in the header.
        library: ``METAIMAGE`` or ``NRRD``, as the content says, whatever the name.

    Raises:
        UnreadableImageError: for volumes, levels without a range, headers whose pixels are in another file, and damage.
    """
    import SimpleITK

    with _header(path, library) as reader:
        plane = _plane(reader, max_pixels)
        channels = reader.GetNumberOfComponents()
        if channels not in (1, 3, 4):
            raise UnreadableImageError(f"expected grey or colour, but got {channels} channels; convert it.")
        kind = SimpleITK.GetPixelIDValueAsString(reader.GetPixelID())
        if not kind.endswith(("8-bit unsigned integer", "16-bit unsigned integer")):
            raise UnreadableImageError(f"expected unsigned levels of 8 or 16 bits, but got {kind}; convert it.")
        stored = SimpleITK.GetArrayFromImage(reader.Execute())  # (k,) j, i (, C)
        voxels = stored.reshape(1, *reader.GetSize()[1::-1], channels).transpose(2, 1, 0, 3)
        return colour(scaled(plane.picture(voxels), bits_of(stored.dtype)))


def volume_facts(path: Path, library: str) -> Facts:
    """Return the spacing, where it is not the default of 1 mm."""
    with _header(path, library) as reader:
        return no_facts() | {"mm_per_px": _plane(reader, None).mm_per_px}


@contextmanager
def _header(path: Path, library: str) -> Iterator[Any]:
    """Yield SimpleITK's reader, with the header read; ITK's warnings on stderr are silenced."""
    import SimpleITK

    shown = SimpleITK.ProcessObject.GetGlobalWarningDisplay()
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        with named_damage("mha or nrrd"):
            with path.open("rb") as file:
                _refuse_detached(file.read(_HEADER))
            reader = SimpleITK.ImageFileReader()
            reader.SetImageIO(library)
            reader.SetFileName(str(path))
            reader.ReadImageInformation()
            yield reader
    finally:
        SimpleITK.ProcessObject.SetGlobalWarningDisplay(shown)


def _refuse_detached(head: bytes) -> None:
    """Refuse a header whose pixels lie elsewhere: it could name any file of the computer."""
    if head.startswith(b"NRRD"):
        fields, end, _ = head.replace(b"\r\n", b"\n").partition(b"\n\n")
        detached = not end or re.search(rb"(?im)^\s*data ?file\s*:", fields) is not None
    else:
        # Every mention, also one in a comment, has to say the same; and one has to begin a line.
        places = re.findall(rb"ElementDataFile\s*[=:]?\s*(\w*)", head)
        detached = re.search(rb"(?m)^ElementDataFile", head) is None or any(
            place.upper() != b"LOCAL" for place in places
        )
    if detached:
        raise UnreadableImageError(
            "expected header and pixels in one file, but got them apart; save it as mha or nrrd."
        )


def _plane(reader: Any, max_pixels: int | None) -> Plane:
    dimension = reader.GetDimension()
    directions = np.eye(3)
    if dimension in (2, 3):
        directions[:dimension, :dimension] = np.reshape(reader.GetDirection(), (dimension, dimension))
    return plane_of(reader.GetSize(), directions, reader.GetSpacing()[:2], max_pixels)
