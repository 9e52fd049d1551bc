"""The pictures of a photograph: masks, probability maps and overlay, mirrored under the output folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from fundus_mtl.biomarkers import bounds
from fundus_mtl.results._findings import Mask, Picture
from fundus_mtl.results._native_names import portable
from fundus_mtl.results._nifti_writer import write_probabilities
from fundus_mtl.results._output_errors import write_output
from fundus_mtl.results._overlay import draw_overlay
from fundus_mtl.results._photograph_measures import Measured
from fundus_mtl.results._picture_bytes import picture_bytes
from fundus_mtl.results._picture_paths import OVERLAYS, map_path, picture_path

THUMBNAIL_PX = 168  # longer side: twice what the report shows, for dense screens


def write_pictures(
    output_dir: Path, name: str, picture: Picture, measured: Measured, overlay: bool = True
) -> tuple[tuple[str, ...], bytes | None]:
    """Write the masks, the overlay and the probability maps of a photograph, as far as there are some.

    Args:
        output_dir: Folder of the run.
        name: Id of the photograph: its relative path or a pseudonym.
        picture: Photograph, RGB ``(H, W, 3)``.
        measured: What was found in it.
        overlay: Whether the photograph itself may be shown.

    Returns:
        The files that were written, relative to the output folder, and a small JPEG of the overlay, see `thumbnail`.

    Raises:
        OutputError: If the output cannot be written at all.
        OSError: If only this name is impossible.
    """
    files: list[Path] = []

    def write(path: Path, content: bytes) -> None:
        write_output(path, content)
        files.append(path)

    for one in measured.contributions:
        for folder, png in one.pictures(measured.findings).items():
            write(picture_path(output_dir, folder, name), png)
    small = None
    if overlay:
        drawn = overlay_of(picture, measured)
        write(picture_path(output_dir, OVERLAYS, name, ".jpg"), picture_bytes(drawn, ".jpg"))
        small = picture_bytes(thumbnail(drawn, measured.landmark), ".jpg", jpeg_quality=80)
    for structure, probabilities in measured.probabilities.items():
        path = map_path(output_dir, name, structure)
        write_probabilities(path, probabilities, measured.findings.facts.mm_per_px)
        files.append(path)
    return tuple(portable(path.relative_to(output_dir).as_posix()) for path in files), small


def overlay_of(picture: Picture, measured: Measured) -> Picture:
    """Return the photograph with outlines and crosses of what was found in it."""
    found = measured.findings
    outlines = {name: mask for one in measured.contributions for name, mask in one.outlines(found).items()}
    marks = {name: point.tolist() for one in measured.contributions for name, point in one.marks(found).items()}
    return draw_overlay(picture, outlines, marks)


def discard_pictures(output_dir: Path, name: str, folders: Iterable[str], structures: Iterable[str]) -> None:
    """Remove what was written of a photograph that then failed.

    Args:
        output_dir: Folder of the run.
        name: Id of the photograph.
        folders: Names of the folders of masks.
        structures: Names of the structures that may have probability maps.
    """
    pictures = [picture_path(output_dir, folder, name) for folder in folders]
    maps = [map_path(output_dir, name, structure) for structure in structures]
    for path in (*pictures, picture_path(output_dir, OVERLAYS, name, ".jpg"), *maps):
        try:
            path.unlink(missing_ok=True)
        except OSError:  # the name is impossible, so there is no such file
            continue


def thumbnail(picture: Picture, landmark: Mask | None) -> Picture:
    """Return a small picture, and to its right, with the same height, a landmark with its surroundings if there is one.

    Args:
        picture: Overlay, RGB ``(H, W, 3)``.
        landmark: Mask ``(H, W)``, such as the optic disc's.
    """
    small = _fitted(picture, min(THUMBNAIL_PX / max(picture.shape[:2]), 1.0))
    box = None if landmark is None else bounds(landmark)
    if box is None:
        return small
    reach = max(2, *(side.stop - 1 - side.start for side in box))  # the window is two landmarks wide
    top, left = (max(0, (side.start + side.stop - 1) // 2 - reach) for side in box)
    window = picture[top : top + 2 * reach, left : left + 2 * reach]
    return np.concatenate([small, _fitted(window, small.shape[0] / window.shape[0])], axis=1)


def _fitted(picture: Picture, scale: float) -> Picture:
    """Return the picture scaled, at least one pixel each way."""
    import cv2

    size = [max(1, round(side * scale)) for side in (picture.shape[1], picture.shape[0])]
    if 2 * max(size) <= max(picture.shape[:2]):  # OpenCV halves a picture much faster than it reduces it by a fraction
        height, width = (side // 2 for side in picture.shape[:2])
        if min(height, width):
            picture = cv2.resize(picture[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
