"""Axes and columns that the figures of the tasks' balance have in common, for one training and for several methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.figures._look import PAIR_COLOURS, Look, plain, stable_looks, style_axes, write_in_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

GRADIENT = "mean |gradient| (loss per unit of weight)"
CONTRIBUTION = "mean |contribution| (units of weight per step)"
COSINE = "cosine (no unit), share of pairs in conflict"
CONFLICTS = {"conflict_rate": Look("0.45", "--", "None")}
MAX_PAIRS = 10  # with more pairs of tasks, only their mean is drawn
SMOOTH_FROM = 40  # number of measurements from which lines are running means
LOG_FROM = 10.0  # ratio of the largest to the smallest value from which an axis is logarithmic


def cosine_columns(rows: pd.DataFrame, tasks: Sequence[str]) -> tuple[pd.DataFrame, dict[str, Look]]:
    """Return the rows with a column ``cosine <one>, <other>`` per pair of tasks, and the look of each.

    Args:
        rows: measurements with columns ``cosine_<one>_<other>``, the tasks of a pair in either order.
        tasks: names of the tasks.

    Returns:
        The rows and the looks by column; with more than `MAX_PAIRS` pairs, one column with their mean.
    """
    pairs = {f"cosine {a}, {b}": (a, b) for a, b in combinations(tasks, 2)}
    sources = {label: [f"cosine_{a}_{b}", f"cosine_{b}_{a}"] for label, (a, b) in pairs.items()}
    known = {label: [name for name in names if name in rows] for label, names in sources.items()}
    cosines = {label: rows[names].bfill(axis=1).iloc[:, 0] for label, names in known.items() if names}
    if len(cosines) > MAX_PAIRS:
        import pandas as pd

        label = f"mean cosine of {len(cosines)} pairs"
        return rows.assign(**{label: pd.DataFrame(cosines).mean(axis=1)}), stable_looks([label], PAIR_COLOURS)
    keys = {label: " ".join(sorted(pairs[label])) for label in cosines}
    looks = stable_looks(list(keys.values()), PAIR_COLOURS)
    return rows.assign(**cosines), {label: looks[key] for label, key in keys.items()}


def running_mean(values: Any) -> Any:
    """Return means over a tenth of the measurements, centred; few measurements are returned unchanged.

    Args:
        values: series or data frame of measurements in their order.
    """
    if len(values) < SMOOTH_FROM:
        return values
    return values.rolling(len(values) // 10, min_periods=1, center=True).mean()


def scale_magnitudes(axes: Any, values: NDArray[np.float64], along: Literal["x", "y"] = "y") -> None:
    """Make the axis of magnitudes logarithmic if the values span a wide range; otherwise let it start at zero.

    Args:
        axes: axes of matplotlib.
        values: all values that are drawn, of any shape; NaN if unknown.
        along: direction of the axis.
    """
    known = values[np.isfinite(values) & (values > 0)]
    if known.size and known.max() / known.min() >= LOG_FROM:
        getattr(axes, f"set_{along}scale")("log", nonpositive="clip")
        axes.set(**{f"{along}lim": (0.8 * known.min(), 1.25 * known.max())})
    elif known.size:
        axes.set(**{f"{along}lim": (0, 1.05 * known.max())})


def style_cosines(axes: Any) -> None:
    """Draw the line at zero, and fix the range of the axis."""
    axes.axhline(0, color="black", linewidth=0.7, zorder=1)
    axes.set_ylim(-1.05, 1.05)


def mark_empty(axes: Any, text: str = "not known") -> None:
    """Write a text into axes in which nothing was drawn."""
    if not (axes.lines or axes.patches):
        write_in_axes(axes, text)


def method_grid(counts: Mapping[str, int], columns: int, width: float = 3.6, below: float = 0.0) -> tuple[Figure, Any]:
    """Return a figure and its axes ``(methods, columns)``, with one scale per column.

    Args:
        counts: number of trainings by method, which is written above each row.
        columns: number of columns.
        width: width of a column, inches.
        below: height of the ticks' labels below the last row, inches.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width * columns + 0.4, 2.1 * len(counts) + 1.1 + below), layout="constrained")
    grid = figure.subplots(len(counts), columns, sharex=True, sharey="col", squeeze=False)
    for line, (method, count) in zip(grid, counts.items(), strict=True):
        line[0].set_title(f"{plain(method)} (n = {count})", loc="left", fontsize=9, fontweight="bold")
    for axes in grid.ravel():
        style_axes(axes, grid="y", size=7)
    return figure, grid


def name_column(column: Sequence[Any], label: str) -> None:
    """Write the name of the values at each of the axes of a column, in two lines."""
    text = label.replace(", ", ",\n") if ", " in label else label.replace(" (", "\n(")
    for axes in column:
        axes.set_ylabel(text, fontsize=7)
