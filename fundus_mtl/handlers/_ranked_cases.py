"""The ranking of cases, and their pictures as JPEG."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray


def pick(values: NDArray[np.float64], count: int, highest_is_worst: bool = False) -> dict[str, list[int]]:
    """Return the worst, the median and the best of the cases with a value; no case twice.

    Args:
        values: ``(N,)``, NaN where unknown.
        count: number of cases per group; with too few cases, the worst are chosen first, then the best, then the median.
        highest_is_worst: whether high values are bad, as for errors.

    Returns:
        Positions by group: ``worst`` (the worst first), ``median`` and ``best`` (the best last).
    """
    order = np.argsort(-values if highest_is_worst else values, kind="stable")
    order = order[~np.isnan(values[order])]
    worst, rest = order[:count], order[count:]
    middle, best = rest[: max(0, len(rest) - count)], rest[max(0, len(rest) - count) :]
    start = max(0, (len(middle) - count) // 2)
    groups = {"worst": worst, "median": middle[start : start + count], "best": best}
    return {name: [int(index) for index in group] for name, group in groups.items()}


def encode_jpeg(picture: NDArray[np.uint8], width: int) -> bytes:
    """Return an RGB picture ``(H, W, 3)`` as JPEG, shrunk to at most ``width`` px with its aspect ratio kept."""
    from PIL import Image

    image = Image.fromarray(np.asarray(picture))
    if image.width > width:
        image = image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.BOX)
    stream = BytesIO()
    image.save(stream, format="JPEG", quality=90)
    return stream.getvalue()
