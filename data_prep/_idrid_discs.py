"""IDRiD's optic discs: an ellipse from the box, or the expert's outline where the photograph has one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fundus_mtl.data import PHOTOGRAPH_ERRORS, plain_reason
from fundus_mtl.files import whole_file
from fundus_mtl.labels import structure
from fundus_mtl.photographs import checked_image

from ._columns import read_columns, read_number

if TYPE_CHECKING:
    pass

Mask = NDArray[np.bool_]
# A photograph is the same if its pixels hardly differ from the match's and are far from the second best's.
SAME, FAR = 1.0, 3.0


def ellipse(size: tuple[int, int], centre: tuple[float, float], axes: tuple[float, float]) -> Mask:
    """Return the mask ``(H, W)`` of an upright ellipse.

    Args:
        size: H and W, px.
        centre: (x, y), px, the origin at the centre of the top-left pixel.
        axes: full width and height, px.
    """
    y, x = np.ogrid[: size[0], : size[1]]
    return np.asarray(((x - centre[0]) / (axes[0] / 2)) ** 2 + ((y - centre[1]) / (axes[1] / 2)) ** 2 <= 1)


def certain_matches(masks: Path) -> dict[str, Path]:
    """Return ``{photograph of RAW: outline}`` of the segmentation photographs that are certainly the same."""
    found: dict[str, Path] = {}
    for photograph, segmented, certain in _matches(masks):
        if certain and photograph in found:
            raise ValueError(f"{photograph}: expected one certain match, but got {segmented} as well; remove a row.")
        if certain:
            found[photograph] = _outline_of(masks, segmented)
    return found


def uncertain_matches(masks: Path) -> list[str]:
    """Return the names of the segmentation photographs whose outline cannot be used."""
    return sorted(segmented for _, segmented, certain in _matches(masks) if not certain)


def outline(path: Path, size: tuple[int, int]) -> Mask:
    """Return an outline's mask, reduced by area to ``(H, W)`` and cut at one half.

    Raises:
        ValueError: if the file is no readable mask of one structure, or its proportions are not the photograph's.
    """
    try:
        with checked_image(path) as image:
            values = np.asarray(image if image.mode in ("1", "L", "P") else image.convert("L"))
    except PHOTOGRAPH_ERRORS as error:
        raise ValueError(
            f"{path.name}: expected a readable mask, but got: {plain_reason(error)}; unpack it again."
        ) from error
    if abs(values.shape[0] * size[1] - values.shape[1] * size[0]) > 0.01 * values.shape[0] * size[1]:
        raise ValueError(
            f"{path.name}: expected the proportions of its photograph, {size[1]} x {size[0]} px, but got "
            f"{values.shape[1]} x {values.shape[0]} px; unpack both again."
        )
    levels = Image.fromarray(structure(values, path.name, "the disc").astype(np.uint8) * 255)
    return np.asarray(levels.resize((size[1], size[0]), Image.Resampling.BOX)) >= 128


def save_mask(mask: Mask, path: Path) -> None:
    """Write a mask as PNG (mode L, 0 and 255), whole or not at all.

    Raises:
        OSError: if it cannot be written, a full disk included.
    """
    try:
        with whole_file(path) as partial:
            Image.fromarray(mask.astype(np.uint8) * 255).save(partial, format="PNG")
    except OSError as error:
        raise OSError(
            error.errno, f"{path.name}: expected to write it, but got: {error.strerror}; free some space."
        ) from error


def _matches(masks: Path) -> list[tuple[str, str, bool]]:
    """Return the photograph of RAW, the segmentation photograph, and whether they are certainly the same."""
    path = masks / "match_to_images.csv"
    if not path.is_file():
        raise FileNotFoundError(f"{masks}: expected match_to_images.csv and od_mask/, but got none; see --help.")
    matches = []
    for where, row in read_columns(path, ("seg_image", "localisation_image", "mean_abs_diff", "second_best")):
        best, second = (read_number(row[column], f"{where}: expected") for column in ("mean_abs_diff", "second_best"))
        certain = 0 <= best < SAME and second > FAR * max(best, SAME)  # False for NaN
        matches.append((row["localisation_image"], row["seg_image"], certain))
    return matches


def _outline_of(masks: Path, photograph: str) -> Path:
    found = sorted((masks / "od_mask").glob(f"{Path(photograph).stem}_*.png"))
    if len(found) != 1:
        raise FileNotFoundError(
            f"{photograph}: expected one outline in od_mask/, but got {len(found)}; unpack the masks again."
        )
    return found[0]
