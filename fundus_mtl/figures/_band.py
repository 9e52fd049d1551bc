"""A line with its band: what several trainings of one method have in common, and how far they lie apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fundus_mtl.figures._look import Look
from fundus_mtl.figures._plot_rows import Spread, summed_up

if TYPE_CHECKING:
    import pandas as pd

MARKS = 8  # markers on a line, about: enough to tell it, few enough to see it


def draw_methods(
    axes: Any, rows: pd.DataFrame, by: str, value: str, look: Mapping[str, Look], spread: Spread, logarithmic: bool
) -> None:
    """Draw a line with a band for each method.

    Args:
        axes: of matplotlib.
        rows: of `checked_rows`.
        by: column along x.
        value: column along y.
        look: by method.
        spread: of the bands.
        logarithmic: whether the y axis is.
    """
    drawn = {method: summed_up(rows[rows["method"] == method], by, value, spread) for method in look}
    for number, (method, summary) in enumerate(drawn.items()):
        if len(summary):
            draw_band(axes, summary, look[method], number)
    if not axes.lines:
        axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", fontsize=9)
    if logarithmic:
        _make_logarithmic(axes, list(drawn.values()))


def draw_band(axes: Any, summary: pd.DataFrame, look: Look, number: int = 0) -> None:
    """Draw the means of `summed_up` as a line, and between low and high a band where both are known.

    Args:
        axes: of matplotlib.
        summary: index x; columns ``mean low high``.
        look: of the line; the band has its colour.
        number: of the line among its neighbours, which shifts the markers, so that lines upon each other can be seen.
    """
    every = max(1, len(summary) // MARKS)
    x = summary.index.to_numpy(dtype=float)
    axes.plot(x, summary["mean"].to_numpy(), markevery=(number % every, every), markersize=4.5, linewidth=1.4,
              markeredgecolor="white", markeredgewidth=0.4, **look._asdict())  # fmt: skip
    band = summary[["low", "high"]].dropna()
    if len(band):
        axes.fill_between(band.index.to_numpy(dtype=float), band["low"].to_numpy(), band["high"].to_numpy(),
                          color=look.color, alpha=0.16, linewidth=0)  # fmt: skip


def _make_logarithmic(axes: Any, summaries: list[pd.DataFrame]) -> None:
    """Make the y axis logarithmic if something is above zero; a band that reaches below zero is cut at the axis."""
    values = np.concatenate([summary[["mean", "low"]].to_numpy(dtype=float).ravel() for summary in summaries])
    positive = values[values > 0]
    if positive.size:
        axes.set_yscale("log", nonpositive="clip")
        axes.set_ylim(bottom=0.9 * positive.min())
