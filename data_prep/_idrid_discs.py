"""IDRiD's optic discs: an ellipse from the box, or the expert's outline where the photograph has one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fundus_mtl.files import whole_file

if TYPE_CHECKING:
    import pandas as pd

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
    table = _matches(masks)
    return {
        row["localisation_image"]: _outline_of(masks, row["seg_image"])
        for row in table[table["certain"]].to_dict("records")
    }


def uncertain_matches(masks: Path) -> list[str]:
    """Return the names of the segmentation photographs whose outline cannot be used."""
    table = _matches(masks)
    return sorted(table.loc[~table["certain"], "seg_image"])


def outline(path: Path, size: tuple[int, int]) -> Mask:
    """Return an outline's mask, reduced by area to ``(H, W)`` and cut at one half."""
    with Image.open(path) as image:
        levels = image.convert("L").point(lambda level: 255 if level else 0)
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


def _matches(masks: Path) -> pd.DataFrame:
    import pandas as pd

    path = masks / "match_to_images.csv"
    if not path.is_file():
        raise FileNotFoundError(f"{masks}: expected match_to_images.csv and od_mask/, but got none; see --help.")
    table = pd.read_csv(path)
    far = table["second_best"] > FAR * table["mean_abs_diff"].clip(lower=SAME)
    return table.assign(certain=(table["mean_abs_diff"] < SAME) & far)


def _outline_of(masks: Path, photograph: str) -> Path:
    found = sorted((masks / "od_mask").glob(f"{Path(photograph).stem}_*.png"))
    if len(found) != 1:
        raise FileNotFoundError(
            f"{photograph}: expected one outline in od_mask/, but got {len(found)}; unpack the masks again."
        )
    return found[0]
