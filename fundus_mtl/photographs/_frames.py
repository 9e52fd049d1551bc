"""One item per picture: the frames of a DICOM file are photographs of their own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fundus_mtl.photographs._dicom import frame_count
from fundus_mtl.photographs._formats import is_dicom
from fundus_mtl.photographs._unreadable import UnreadableImageError

PICTURE_EXTENSIONS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp")
"""Of files that hold one picture, and are not opened to see how many."""


def has_dicom_mark(path: Path) -> bool:
    """Tell whether a regular file begins as DICOM does; not where it cannot be opened."""
    try:
        with path.open("rb") as file:
            return is_dicom(file.read(132))
    except OSError:
        return False


def with_frames(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the item itself, or one per frame of a DICOM file with several: ``x.dcm#1``, ``x.dcm#2``.

    An item with an ``error`` is not looked at. A DICOM file that is no photograph gets one. All else is left to the reader.
    """
    path = Path(item["image"])
    if "error" in item or path.name.lower().endswith(PICTURE_EXTENSIONS) or not has_dicom_mark(path):
        return [dict(item)]
    try:
        frames = frame_count(path)
    except UnreadableImageError as error:
        return [{**item, "error": str(error)}]
    except OSError:
        return [dict(item)]
    if frames == 1:
        return [dict(item)]
    items = [{**item, **{key: f"{item[key]}#{frame}" for key in ("id", "image")}} for frame in range(1, frames + 1)]
    if any(os.path.lexists(frame["image"]) for frame in items):
        return [{**item, "error": "expected free names for its frames, but got a file named like one; rename it"}]
    return items
