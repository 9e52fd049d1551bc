"""The grid that shows tasks method by method: a line of panels per method, with one scale per column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.figures._look import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GRADIENT = "mean |gradient|\n(loss per unit of weight)"
CONTRIBUTION = "mean |contribution|\n(units of weight per step)"
LOG_FROM = 10.0  # a span of values, largest by smallest, from which a logarithmic axis tells more


def method_grid(counts: Mapping[str, int], columns: int, width: float = 3.6, below: float = 0.0) -> tuple[Figure, Any]:
    """Return a figure and its axes ``(methods, columns)``; each line says its method and of how many trainings it is.

    Args:
        counts: trainings by method.
        columns: of panels.
        width: of a panel, inches.
        below: what the ticks' labels take of the height, inches.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns + 0.4, 2.1 * len(counts) + 1.1 + below), layout="constrained")
    grid = figure.subplots(len(counts), columns, sharex=True, sharey="col", squeeze=False)
    for line, (method, count) in zip(grid, counts.items(), strict=True):
        line[0].set_title(f"{plain(method)} (n = {count})", loc="left", fontsize=9, fontweight="bold")
    for axes in grid.ravel():
        axes.grid(axis="y", linewidth=0.4, color="0.88")
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(which="both", labelsize=7)
    return figure, grid


def scale_column(column: Any, values: NDArray[np.float64], label: str) -> None:
    """Name the axes of magnitudes, and make them logarithmic where the values of all methods span a lot."""
    for axes in column:
        axes.set_ylabel(label, fontsize=7)
    known = values[np.isfinite(values) & (values > 0)]
    if known.size and known.max() / known.min() >= LOG_FROM:
        column[0].set_yscale("log", nonpositive="clip")
        column[0].set_ylim(0.8 * known.min(), 1.25 * known.max())
    elif known.size:
        column[0].set_ylim(0, 1.05 * known.max())


def say_unknown(axes: Any) -> None:
    """Say that there is nothing to draw, rather than leave an empty panel."""
    axes.text(0.5, 0.5, "not known", transform=axes.transAxes, ha="center", fontsize=8)
