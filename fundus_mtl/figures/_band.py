"""A line and a band: the mean of several trainings of a method, and their spread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fundus_mtl.figures._look import Look, write_in_axes
from fundus_mtl.figures._plot_rows import Spread, summarise_trainings

if TYPE_CHECKING:
    import pandas as pd

MARKS = 8  # approximate number of markers on a line


def draw_methods(
    axes: Any, rows: pd.DataFrame, by: str, value: str, look: Mapping[str, Look], spread: Spread, logarithmic: bool
) -> None:
    """Draw a line with a band for each method.

    Args:
        axes: axes of matplotlib.
        rows: rows of `checked_rows`.
        by: column along x.
        value: column along y.
        look: looks by method.
        spread: kind of the bands.
        logarithmic: whether the y axis is.
    """
    drawn = {method: summarise_trainings(rows[rows["method"] == method], by, value, spread) for method in look}
    for number, (method, summary) in enumerate(drawn.items()):
        if len(summary):
            draw_band(axes, summary, look[method], number)
    if not axes.lines:
        write_in_axes(axes, "not measured")
    if logarithmic:
        _make_logarithmic(axes, list(drawn.values()))


def draw_band(axes: Any, summary: pd.DataFrame, look: Look, number: int = 0) -> None:
    """Draw the means of `summarise_trainings` as a line, and a band between low and high where both are known.

    Args:
        axes: axes of matplotlib.
        summary: index x; columns ``mean low high``.
        look: look of the line; the band has the same colour.
        number: number of the line, which shifts its markers, so that lines that cover each other can be seen.
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
    """Make the y axis logarithmic if any value is positive; bands below zero are cut off."""
    values = np.concatenate([summary[["mean", "low"]].to_numpy(dtype=float).ravel() for summary in summaries])
    positive = values[values > 0]
    if positive.size:
        axes.set_yscale("log", nonpositive="clip")
        axes.set_ylim(bottom=0.9 * positive.min())
