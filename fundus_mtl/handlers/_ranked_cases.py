"""The ranking of cases, and their pictures as JPEG."""

from __future__ import annotations

from collections.abc import Mapping
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


def worst_ranks(
    values: Mapping[str, NDArray[np.float64]], highest_is_worst: Mapping[str, bool]
) -> tuple[NDArray[np.float64], list[str]]:
    """Return how bad each case is by its worst column, and that column.

    In each column, the cases get ranks from 0, the best, to 1, the worst; equal values have the same rank. The rank of a
    case is that of its worst column. Among cases of the same rank, the one with the higher mean rank is worse.

    Args:
        values: ``(N,)`` by column, NaN where unknown.
        highest_is_worst: whether high values are bad, by column.

    Returns:
        The order as numbers ``(N,)``, higher for worse, NaN if no column is known; and the name of the worst column.
    """
    signed = [values[name] if highest_is_worst[name] else -values[name] for name in values]
    ranks = np.stack([_ranks(column) for column in signed])
    known = ~np.isnan(ranks)
    some = known.any(axis=0)
    filled = np.where(known, ranks, -1.0)
    means = np.where(known, ranks, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    names = list(values)
    order = np.where(some, filled.max(axis=0) + 1e-6 * means, np.nan)
    return order, [names[place] for place in filled.argmax(axis=0)]


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of the other known values that are smaller; NaN where unknown."""
    known = np.sort(values[~np.isnan(values)])
    ranks = np.searchsorted(known, values) / max(1, len(known) - 1)
    return np.where(np.isnan(values), np.nan, ranks)


def encode_jpeg(picture: NDArray[np.uint8], width: int) -> bytes:
    """Return an RGB picture ``(H, W, 3)`` as JPEG, shrunk to at most ``width`` px with its aspect ratio kept."""
    from PIL import Image

    image = Image.fromarray(np.asarray(picture))
    if image.width > width:
        image = image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.BOX)
    stream = BytesIO()
    image.save(stream, format="JPEG", quality=90)
    return stream.getvalue()
