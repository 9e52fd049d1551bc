"""The two figures of the tasks' balance in one training: per layer, and over time.

Source: Hervella et al., Multi-Adaptive Optimization, Figs. 4 and 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fundus_mtl.figures._balance_axes import (
    CONFLICTS,
    CONTRIBUTION,
    COSINE,
    GRADIENT,
    SMOOTH_FROM,
    cosine_columns,
    mark_empty,
    running_mean,
    scale_magnitudes,
    style_cosines,
)
from fundus_mtl.figures._look import HATCHES, Look, legend, plain, stable_looks, stable_places, style_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def layers_of_training(table: pd.DataFrame, layers: Sequence[str] = ()) -> Figure:
    """Draw each layer's mean absolute gradient (left) and contribution to the update (right) over the training, by task.

    Args:
        table: columns ``iteration, task, layer, gradient, contribution``.
        layers: order of the layers from top to bottom; layers that are not named are drawn last.
    """
    from matplotlib.figure import Figure

    tasks = list(dict.fromkeys(table["task"]))
    names = list(dict.fromkeys([*(name for name in layers if name in set(table["layer"])), *table["layer"]]))
    figure = Figure(figsize=(11, 1.6 + 0.3 * len(names)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, column, label in ((left, "gradient", GRADIENT), (right, "contribution", CONTRIBUTION)):
        means = table.pivot_table(column, "task", "layer").reindex(index=tasks, columns=names)
        _bars(axes, means)
        style_axes(axes, grid="x")
        scale_magnitudes(axes, means.to_numpy(), "x")
        axes.set_xlabel(label)
        mark_empty(axes)
    left.set_yticks(np.arange(len(names)), names, fontsize=8)
    left.set_ylim(len(names) - 0.4, -0.6)  # the first layer on top
    left.set_ylabel("layer")
    if handles := [bars for bars in left.containers if bars.patches]:
        texts = [bars.get_label() for bars in handles]
        figure.legend(handles, texts, loc="outside lower left", ncols=min(len(texts), 8), frameon=False)
    figure.suptitle(_title(table["iteration"], "Averages over the training"), fontsize=11)
    return figure


def _bars(axes: Any, means: pd.DataFrame) -> None:
    """Draw the bars of each task side by side; a value that is not positive has none, since the axis may be logarithmic."""
    tasks = [str(task) for task in means.index]
    looks, places = stable_looks(tasks), stable_places(tasks)
    height = 0.84 / max(1, len(tasks))
    for i, task in enumerate(tasks):
        values = np.where(means.loc[task] > 0, means.loc[task], np.nan)
        if np.isnan(values).all():
            continue
        at = np.arange(means.shape[1]) - 0.42 + (i + 0.5) * height
        axes.barh(at, values, height, label=plain(task), color=looks[task].color,
                  hatch=HATCHES[places[task] % len(HATCHES)], edgecolor="white", linewidth=0.2)  # fmt: skip


def steps_of_training(steps: pd.DataFrame, tasks: Sequence[str]) -> Figure:
    """Draw gradients, contributions, cosines and the conflict rate over the iterations; many measurements are smoothed.

    Args:
        steps: columns ``iteration``, ``gradient_mean_<task>``, ``contribution_<task>``, ``cosine_<one>_<other>`` and
            ``conflict_rate``; absent columns and NaN are not drawn.
        tasks: names of the tasks in the order of the legend.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16, 5), layout="constrained")
    looks = stable_looks(tasks)
    panels = figure.subplots(1, 3)
    for axes, prefix, label in zip(panels, ("gradient_mean", "contribution"), (GRADIENT, CONTRIBUTION), strict=False):
        columns = [f"{prefix}_{task}" for task in tasks]
        for column, task in zip(columns, tasks, strict=True):
            _line(axes, steps, column, task, looks[task])
        scale_magnitudes(axes, steps.reindex(columns=columns).to_numpy(dtype=float))
        axes.set_ylabel(label)
        mark_empty(axes)
    _cosines(panels[2], steps, tasks)
    for axes in panels:
        style_axes(axes)
        axes.set_xlabel("iteration")
    legend(figure, looks, "outside lower left", "task")
    smooth = "; lines: running means" if len(steps) >= SMOOTH_FROM else ""
    figure.suptitle(_title(steps["iteration"], "Averages over the network") + smooth, fontsize=11)
    return figure


def _cosines(axes: Any, steps: pd.DataFrame, tasks: Sequence[str]) -> None:
    """Draw the cosine of each pair, or their mean, and the conflict rate."""
    steps, looks = cosine_columns(steps, tasks)
    for column, look in (looks | CONFLICTS).items():
        _line(axes, steps, column, column.replace("_", " "), look)
    mark_empty(axes, "no pair of tasks")
    style_cosines(axes)
    axes.set_ylabel(COSINE)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, handlelength=3.6)


def _line(axes: Any, steps: pd.DataFrame, column: str, label: str, look: Look) -> None:
    """Draw the known values of a column; gaps, where a task had no label, are joined."""
    known = steps[["iteration", column]].dropna() if column in steps else steps.iloc[:0]
    if not len(known):
        return
    at, values = known["iteration"].to_numpy(), known[column]
    if len(steps) >= SMOOTH_FROM:
        axes.plot(at, values.to_numpy(), color=look.color, linewidth=0.6, alpha=0.3)
        values = running_mean(values)
    axes.plot(at, values.to_numpy(), label=plain(label), markersize=4, markevery=max(1, len(known) // 12), linewidth=1.2,
              **look._asdict())  # fmt: skip


def _title(iterations: pd.Series[Any], what: str) -> str:
    return f"{what}, {iterations.nunique()} measurements up to iteration {int(iterations.max())}"
