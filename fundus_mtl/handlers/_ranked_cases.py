"""Which cases to show, and how their pictures are kept and written."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.files import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pick(values: NDArray[np.float64], count: int, highest_is_worst: bool = False) -> dict[str, list[int]]:
    """Pick the worst, the median and the best of the cases that have a value; no case twice.

    Args:
        values: ``(N,)``, NaN where unknown.
        count: how many of each; where there are too few cases the worst come first, then the best, then the median.
        highest_is_worst: as for errors.

    Returns:
        Positions by ``worst`` (the worst first), ``median`` and ``best`` (the best last).
    """
    order = np.argsort(-values if highest_is_worst else values, kind="stable")
    order = order[~np.isnan(values[order])]
    worst, rest = order[:count], order[count:]
    middle, best = rest[: max(0, len(rest) - count)], rest[max(0, len(rest) - count) :]
    start = max(0, (len(middle) - count) // 2)
    groups = {"worst": worst, "median": middle[start : start + count], "best": best}
    return {name: [int(index) for index in group] for name, group in groups.items()}


def encode_jpeg(picture: NDArray[np.uint8], width: int) -> bytes:
    """Return an RGB picture ``(H, W, 3)`` as JPEG, at most so many px wide, its aspect kept."""
    from PIL import Image

    image = Image.fromarray(np.asarray(picture))
    if image.width > width:
        image = image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.BOX)
    stream = BytesIO()
    image.save(stream, format="JPEG", quality=90)
    return stream.getvalue()


def save(figure: Figure, path: Path) -> None:
    """Write a figure so that the file is there as a whole or not at all; the suffix names the format."""
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=120)
