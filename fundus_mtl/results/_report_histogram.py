"""Histograms above the report's table, as plain data for the template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

BINS = 20
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 460, 150, 14, 16, 24
BASE = HEIGHT - BOTTOM


def histogram_plot(values: Sequence[float], what: str, highest: float = 1.0) -> dict[str, Any] | None:
    """Return what ``report_histogram.svg`` draws: numbers from 0 on, in twenty bins.

    Args:
        values: Numbers without NaN. The last bin takes the highest and what is above it.
        what: Name of the numbers, for screen readers.
        highest: Right end of the axis.

    Returns:
        Variables of the template; None without values.
    """
    if not values:
        return None
    counts = [0] * BINS
    for value in values:
        counts[min(BINS - 1, max(0, int(value / highest * BINS)))] += 1
    decimals = 1 if highest >= 1 else 2
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "left": LEFT,
        "right": WIDTH - LEFT,
        "base": BASE,
        "label": f"Histogram of {len(values)} {what}",
        "bars": [_bar(index, count, max(counts), highest) for index, count in enumerate(counts) if count],
        "ticks": [
            {"x": f"{_x(i * BINS / 10):.1f}", "text": f"{i / 10 * highest:.{decimals}f}"} for i in range(0, 11, 2)
        ],
    }


def _x(bins: float) -> float:
    return LEFT + bins * (WIDTH - 2 * LEFT) / BINS


def _bar(index: int, count: int, most: int, highest: float) -> dict[str, Any]:
    height = count / most * (HEIGHT - TOP - BOTTOM)
    x, y, width = _x(index) + 1, BASE - height, _x(1) - _x(0) - 2
    places = {"x": x, "y": y, "width": width, "height": height, "middle": x + width / 2, "text_y": y - 4}
    title = f"{index / BINS * highest:.2f} to {(index + 1) / BINS * highest:.2f}: {count}"
    return {name: f"{place:.1f}" for name, place in places.items()} | {"title": title, "count": count}
