"""The pictures of a photograph: its masks and its overlay, mirrored under the output folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.results._answers import Mask
from fundus_mtl.results._findings import Findings
from fundus_mtl.results._output_errors import write_output
from fundus_mtl.results._overlay import Picture, draw_overlay
from fundus_mtl.results._picture_paths import MAPS, map_path, picture_paths, vessel_paths

THUMBNAIL_PX = 168  # longer side: twice what the report shows, for dense screens


def write_pictures(
    output_dir: Path, name: str, picture: Picture, findings: Findings, overlay: bool = True
) -> tuple[tuple[str, ...], bytes | None]:
    """Write the masks (if any were asked for) and the overlay of a photograph.

    Args:
        output_dir: of the run.
        name: id of the photograph, its relative path or a pseudonym.
        picture: RGB ``(H, W, 3)``.
        findings: what was found in it.
        overlay: whether the photograph itself may be shown.

    Returns:
        What was written, relative to the output folder, and a small JPEG of the overlay, see `thumbnail`.

    Raises:
        OutputError: if the output cannot be written at all.
        OSError: if only this name is impossible.
    """
    mask_path, overlay_path = picture_paths(output_dir, name)
    files: list[Path] = []

    def write(path: Path, content: bytes) -> None:
        write_output(path, content)
        files.append(path)

    codes = findings.codes()
    if codes is not None:
        write(mask_path, encode(codes, ".png"))
    if findings.vessels is not None:
        for path, png in zip(vessel_paths(output_dir, name), findings.vessels.pngs(), strict=True):
            if png is not None:
                write(path, png)
    small = None
    if overlay:
        drawn = _drawn(picture, findings)
        write(overlay_path, encode(drawn, ".jpg"))
        small = encode(thumbnail(drawn, findings.disc), ".jpg", jpeg_quality=80)
    return tuple(path.relative_to(output_dir).as_posix() for path in files), small


def _drawn(picture: Picture, findings: Findings) -> Picture:
    """Return the photograph with what was found in it."""
    masks = {"disc": findings.disc, "cup": findings.cup}
    if findings.vessels is not None:
        masks |= findings.vessels.outlines()
    points = {} if findings.fovea is None else {"fovea": findings.fovea.tolist()}
    return draw_overlay(picture, {role: found for role, found in masks.items() if found is not None}, points)


def discard_pictures(output_dir: Path, name: str) -> None:
    """Remove what was written of a photograph that then failed."""
    maps = [map_path(output_dir, name, structure) for structure in MAPS]
    for path in (*picture_paths(output_dir, name), *vessel_paths(output_dir, name), *maps):
        try:
            path.unlink(missing_ok=True)
        except OSError:  # its name is impossible, so there is nothing
            continue


def encode(picture: NDArray[np.uint8], extension: str, jpeg_quality: int = 90) -> bytes:
    """Return an RGB ``(H, W, 3)`` or grey ``(H, W)`` picture as the bytes of a file."""
    import cv2

    options = [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality] if extension == ".jpg" else []
    ok, data = cv2.imencode(extension, picture[..., ::-1] if picture.ndim == 3 else picture, options)
    if not ok:
        raise ValueError(f"expected a picture that can be written as {extension}, but got shape {picture.shape}.")
    return bytes(data)


def thumbnail(picture: Picture, disc: Mask | None) -> Picture:
    """Return a small picture, and right of it, as high, the disc with its surroundings, where there is one.

    Args:
        picture: RGB ``(H, W, 3)``, drawn upon.
        disc: mask ``(H, W)``.
    """
    small = _fitted(picture, min(THUMBNAIL_PX / max(picture.shape[:2]), 1.0))
    if disc is None or not disc.any():
        return small
    ys, xs = np.nonzero(disc)
    reach = max(2, int(np.ptp(ys)), int(np.ptp(xs)))  # the window is two discs wide
    top, left = (max(0, int(place.min() + place.max()) // 2 - reach) for place in (ys, xs))
    window = picture[top : top + 2 * reach, left : left + 2 * reach]
    return np.concatenate([small, _fitted(window, small.shape[0] / window.shape[0])], axis=1)


def _fitted(picture: Picture, scale: float) -> Picture:
    """Return the picture scaled, at least one pixel each way."""
    import cv2

    size = [max(1, round(side * scale)) for side in (picture.shape[1], picture.shape[0])]
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
