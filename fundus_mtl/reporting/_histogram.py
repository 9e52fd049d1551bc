"""A histogram as inline SVG: no library, no network, sharp at every size."""

from __future__ import annotations

from collections.abc import Sequence

BINS = 20
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 460, 150, 14, 16, 24


def histogram_svg(values: Sequence[float], what: str = "vertical cup-to-disc ratios", highest: float = 1.0) -> str:
    """Return an SVG histogram of numbers from 0 on, in twenty bins; the last takes the highest and what is above it.

    Args:
        values: without NaN; an empty sequence gives an empty string.
        what: they are, for those who cannot see it.
        highest: right end of the axis.
    """
    if not values:
        return ""
    counts = [0] * BINS
    for value in values:
        counts[min(BINS - 1, max(0, int(value / highest * BINS)))] += 1
    bars = "".join(_bar(index, count, max(counts), highest) for index, count in enumerate(counts) if count)
    base = HEIGHT - BOTTOM
    ticks = "".join(
        f'<text x="{_x(i * BINS / 10):.1f}" y="{HEIGHT - 7}">{i / 10 * highest:.{1 if highest >= 1 else 2}f}</text>'
        for i in range(0, 11, 2)
    )
    axis = f'<line x1="{LEFT}" x2="{WIDTH - LEFT}" y1="{base}" y2="{base}"/>'
    label = f"Histogram of {len(values)} {what}"
    return f'<svg class="hist" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{bars}{axis}{ticks}</svg>'


def _x(bins: float) -> float:
    return LEFT + bins * (WIDTH - 2 * LEFT) / BINS


def _bar(index: int, count: int, most: int, highest: float) -> str:
    height = count / most * (HEIGHT - TOP - BOTTOM)
    x, y, width = _x(index) + 1, HEIGHT - BOTTOM - height, _x(1) - _x(0) - 2
    tip = f"<title>{index / BINS * highest:.2f} to {(index + 1) / BINS * highest:.2f}: {count}</title>"
    number = f'<text x="{x + width / 2:.1f}" y="{y - 4:.1f}">{count}</text>'
    return f'<g><rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2"/>{tip}{number}</g>'
