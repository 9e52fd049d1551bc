"""One item per picture: the frames of a DICOM file are separate photographs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fundus_mtl.photographs._dicom import dicom_head, frames_of, opened
from fundus_mtl.photographs._dicom_layout import enter_pixels, refuse_missing_frames
from fundus_mtl.photographs._formats import HEAD, is_dicom, is_photograph
from fundus_mtl.photographs._source import opened_file
from fundus_mtl.photographs._unreadable import UnreadableImageError
from fundus_mtl.processes import TimeLimit, TooSlowError

PICTURE_EXTENSIONS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp")
"""Of files that hold one picture, and are not opened to count them."""


def looks_like_photograph(path: Path) -> bool:
    """Return whether a regular file begins as one of the formats that are read; False where it cannot be opened."""
    return is_photograph(_start(path))


def with_frames(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the item itself, or one per frame of a DICOM file with several: ``x.dcm#1``, ``x.dcm#2``.

    An item with an ``error`` is returned as it is. A DICOM file that is no photograph, or holds fewer frames than it names,
    gets an error. All else is left to the reader.
    """
    path = Path(item["image"])
    if "error" in item or path.name.lower().endswith(PICTURE_EXTENSIONS) or not is_dicom(_start(path)):
        return [dict(item)]
    try:
        frames = _frame_count(path)
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


def limited_frames(item: Mapping[str, Any], limit: TimeLimit) -> list[dict[str, Any]]:
    """Return `with_frames` of an item; an item whose file does not open within the limit gets an error.

    Raises:
        StalledError: if too many others could not.
    """
    try:
        return limit(with_frames, item)
    except TooSlowError as error:
        return [{**item, "error": str(error)}]


def _frame_count(path: Path) -> int:
    """Return the number of frames of a photograph, from its header and the places of its pixels."""
    with opened_file(path) as file:
        head = dicom_head(file)
        with opened(head) as header:
            frames = frames_of(header)
            if frames > 1:
                enter_pixels(head, header)
                file.seek(head.tell())
                refuse_missing_frames(file, header)
            return frames


def _start(path: Path) -> bytes:
    try:
        with opened_file(path) as file:
            return file.read(HEAD)
    except OSError:
        return b""
