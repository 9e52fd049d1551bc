"""Balance and conflict of the tasks over a training, a line of panels per method.

Source: Hervella et al., Multi-Adaptive Optimization, Fig. 5; cosines as in Yu et al., Gradient Surgery, NeurIPS 2020.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

from fundus_mtl.figures._balance_axes import CONTRIBUTION, GRADIENT, method_grid, say_unknown, scale_column
from fundus_mtl.figures._band import draw_band
from fundus_mtl.figures._look import TASK_COLOURS, Look, legend, looks, png
from fundus_mtl.figures._plot_rows import checked_rows, present, spread_note, summed_up

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PREFIX = "gradient_mean_"
LEGIBLE_PAIRS = 10  # more lines of cosines than that are one tangle
SMOOTH_FROM = 40  # measurements from which a line is a running mean
RATE = Look("0.45", "--", "None")


def balance_of_methods(steps: pd.DataFrame, methods: Sequence[str] | None = None) -> bytes | None:
    """Draw gradients, contributions to the update, and cosines over the iterations, a line of panels per method, as PNG.

    All methods share the axes of a column, so that they can be compared. Colours are of tasks here, from another palette
    than the methods'. From forty measurements on, lines and bands are running means over a tenth of them.

    Args:
        steps: the tables ``balance_steps.csv`` of several trainings below each other, with a column ``method``, perhaps
            ``fold`` and ``seed``: ``iteration``, and ``gradient_mean_<task>``, ``contribution_<task>``,
            ``cosine_<one>_<other>``, ``conflict_rate`` where known. The means of several trainings of a method are
            drawn, with bands of one standard deviation (n - 1) either way; cosines without, or they would be a tangle.
        methods: in order; by default as they appear.

    Returns:
        The picture; None if there is no finite value.

    Raises:
        ValueError: if a method, the column ``iteration``, or every ``gradient_mean_<task>`` is missing.
    """
    return png(balance_of_methods_figure(steps, methods))


def balance_of_methods_figure(steps: pd.DataFrame, methods: Sequence[str] | None) -> Figure | None:
    """Return the figure of `balance_of_methods`."""
    tasks = [str(name).removeprefix(PREFIX) for name in steps if str(name).startswith(PREFIX)]
    rows = checked_rows("steps", steps, ("method", "iteration", *(PREFIX + task for task in tasks or ["<task>"])), ())
    rows, pairs = _cosines(rows, tasks)
    lines = _lines(rows, tasks, pairs)
    names = [name for group in lines for name in group]
    rows = checked_rows("steps", rows, ("method",), ("iteration", *names)).dropna(subset=names, how="all")
    if not (counts := present(rows, methods)):
        return None
    figure, grid = method_grid(counts, len(lines))
    for panels, method in zip(grid, counts, strict=True):
        for axes, group in zip(panels, lines, strict=True):
            _draw(axes, rows[rows["method"] == method], group, bands=group is not lines[2])
    for column, label in enumerate((GRADIENT, CONTRIBUTION)):
        scale_column(grid[:, column], rows[list(lines[column])].to_numpy(), label)
    _dress(figure, grid, looks(tasks, TASK_COLOURS), lines[2])
    smooth = "; running means" if rows.groupby("method")["iteration"].nunique().max() >= SMOOTH_FROM else ""
    figure.suptitle(spread_note(max(counts.values()), "std") + smooth, fontsize=9)
    return figure


def _lines(rows: pd.DataFrame, tasks: Sequence[str], pairs: Sequence[str]) -> list[dict[str, Look]]:
    """Return the looks of the columns that each panel draws: gradients, contributions, cosines and the conflict rate."""
    look = looks(tasks, TASK_COLOURS)
    return [
        {PREFIX + task: look[task] for task in tasks},
        {f"contribution_{task}": look[task] for task in tasks if f"contribution_{task}" in rows},
        looks(pairs, TASK_COLOURS) | ({"conflict_rate": RATE} if "conflict_rate" in rows else {}),
    ]


def _cosines(rows: pd.DataFrame, tasks: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Return the rows with a column for each pair that is known, or for their mean if they are too many, and its names."""
    wanted = {(a, b): [f"cosine_{a}_{b}", f"cosine_{b}_{a}"] for a, b in combinations(tasks, 2)}
    known = {pair: [name for name in names if name in rows] for pair, names in wanted.items()}
    cosines = {f"cosine {a}, {b}": rows[names].bfill(axis=1).iloc[:, 0] for (a, b), names in known.items() if names}
    rows = rows.assign(**cosines)
    if len(cosines) <= LEGIBLE_PAIRS:
        return rows, list(cosines)
    mean = f"mean cosine of {len(cosines)} pairs"
    return rows.assign(**{mean: rows[list(cosines)].mean(axis=1)}), [mean]


def _draw(axes: Any, rows: pd.DataFrame, group: Mapping[str, Look], bands: bool) -> None:
    """Draw what is known of a method's columns, smoothed where there are many measurements."""
    for number, (name, look) in enumerate(group.items()):
        summary = summed_up(rows, "iteration", name, "std")
        if len(summary) >= SMOOTH_FROM:
            summary = summary.rolling(len(summary) // 10, min_periods=1, center=True).mean()
        if len(summary):
            draw_band(axes, summary if bands else summary.assign(low=float("nan")), look, number)
    if not axes.lines:
        say_unknown(axes)


def _dress(figure: Figure, grid: Any, tasks: Mapping[str, Look], cosines: Mapping[str, Look]) -> None:
    """Write axes and legends: tasks below, pairs beside the cosines."""
    for axes in grid[:, 2]:
        axes.axhline(0, color="black", linewidth=0.7, zorder=1)
        axes.set_ylabel("cosine (no unit),\nshare of pairs in conflict", fontsize=7)
    grid[0, 2].set_ylim(-1.05, 1.05)
    for axes in grid[-1]:
        axes.set_xlabel("iteration", fontsize=8)
    legend(figure, tasks, "outside lower left", "task")
    legend(figure, {name.replace("_", " "): look for name, look in cosines.items()}, "outside right upper",
           "pair of tasks")  # fmt: skip
