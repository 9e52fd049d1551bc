"""Balance and conflict of the tasks over a training, one row of axes per method.

Source: Hervella et al., Multi-Adaptive Optimization, Fig. 5; cosines as in Yu et al., Gradient Surgery, NeurIPS 2020.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fundus_mtl.figures._balance_axes import (
    CONFLICTS,
    CONTRIBUTION,
    COSINE,
    GRADIENT,
    SMOOTH_FROM,
    cosine_columns,
    mark_empty,
    method_grid,
    name_column,
    running_mean,
    scale_magnitudes,
    style_cosines,
)
from fundus_mtl.figures._band import draw_band
from fundus_mtl.figures._look import Look, legend, png, stable_looks
from fundus_mtl.figures._plot_rows import checked_rows, present, spread_note, summarise_trainings

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PREFIX = "gradient_mean_"


def balance_of_methods(steps: pd.DataFrame, methods: Sequence[str] | None = None) -> bytes | None:
    """Draw gradients, contributions to the update, and cosines over the iterations, one row of axes per method, as PNG.

    All methods share the scale of a column. Colours show tasks here, not methods. With forty measurements or more, lines
    and bands are running means over a tenth of them.

    Args:
        steps: concatenated tables ``balance_steps.csv`` of several trainings, with a column ``method`` and optionally
            ``fold`` and ``seed``: ``iteration``, ``gradient_mean_<task>``, and optionally ``contribution_<task>``,
            ``cosine_<one>_<other>``, ``conflict_rate``. Drawn are the means over the trainings of a method, and bands of
            ± 1 standard deviation (n - 1); cosines have no bands, which would cover each other.
        methods: order of the methods; by default as they appear.

    Returns:
        The PNG; None if there is no finite value.

    Raises:
        ValueError: if a method, the column ``iteration``, or every ``gradient_mean_<task>`` is missing.
    """
    return png(balance_of_methods_figure(steps, methods))


def balance_of_methods_figure(steps: pd.DataFrame, methods: Sequence[str] | None) -> Figure | None:
    """Return the figure of `balance_of_methods`."""
    tasks = [str(name).removeprefix(PREFIX) for name in steps if str(name).startswith(PREFIX)]
    rows = checked_rows("steps", steps, ("method", "iteration", *(PREFIX + task for task in tasks or ["<task>"])), ())
    rows, cosines = cosine_columns(rows, tasks)
    lines = _lines(rows, tasks, cosines)
    names = [name for group in lines for name in group]
    rows = checked_rows("steps", rows, ("method",), ("iteration", *names)).dropna(subset=names, how="all")
    if not (counts := present(rows, methods)):
        return None
    figure, grid = method_grid(counts, len(lines))
    for panels, method in zip(grid, counts, strict=True):
        for axes, group in zip(panels, lines, strict=True):
            _draw(axes, rows[rows["method"] == method], group, bands=group is not lines[2])
    for column, label in enumerate((GRADIENT, CONTRIBUTION, COSINE)):
        name_column(grid[:, column], label)
    for column in (0, 1):
        scale_magnitudes(grid[0, column], rows[list(lines[column])].to_numpy())
    _finish(figure, grid, stable_looks(tasks), lines[2])
    smooth = "; running means" if rows.groupby("method")["iteration"].nunique().max() >= SMOOTH_FROM else ""
    figure.suptitle(spread_note(max(counts.values()), "std") + smooth, fontsize=9)
    return figure


def _lines(rows: pd.DataFrame, tasks: Sequence[str], cosines: Mapping[str, Look]) -> list[dict[str, Look]]:
    """Return the looks of the columns in each of the axes: gradients, contributions, cosines and the conflict rate."""
    look = stable_looks(tasks)
    return [
        {PREFIX + task: look[task] for task in tasks},
        {f"contribution_{task}": look[task] for task in tasks if f"contribution_{task}" in rows},
        {**cosines, **(CONFLICTS if "conflict_rate" in rows else {})},
    ]


def _draw(axes: Any, rows: pd.DataFrame, group: Mapping[str, Look], bands: bool) -> None:
    """Draw the known values of a method's columns, smoothed if there are many."""
    for number, (name, look) in enumerate(group.items()):
        summary = running_mean(summarise_trainings(rows, "iteration", name, "std"))
        if len(summary):
            draw_band(axes, summary if bands else summary.assign(low=float("nan")), look, number)
    mark_empty(axes)


def _finish(figure: Figure, grid: Any, tasks: Mapping[str, Look], cosines: Mapping[str, Look]) -> None:
    """Draw the lines at zero, and the legends: tasks below, pairs beside the cosines."""
    for axes in grid[:, 2]:
        style_cosines(axes)
    for axes in grid[-1]:
        axes.set_xlabel("iteration", fontsize=8)
    legend(figure, tasks, "outside lower left", "task")
    legend(figure, {name.replace("_", " "): look for name, look in cosines.items()}, "outside right upper",
           "pair of tasks")  # fmt: skip
