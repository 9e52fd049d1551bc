"""Balance of the tasks in each layer, averaged over a training, one row of axes per method.

Source: Hervella et al., Multi-Adaptive Optimization, Fig. 4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fundus_mtl.figures._balance_axes import (
    CONTRIBUTION,
    GRADIENT,
    mark_empty,
    method_grid,
    name_column,
    scale_magnitudes,
)
from fundus_mtl.figures._look import Look, legend, png, stable_looks
from fundus_mtl.figures._plot_rows import checked_rows, present

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

LETTER_INCHES = 0.06  # height of a letter of a layer's name, which is rotated
COLUMNS = ("method", "task", "layer", "gradient", "contribution")


def layers_of_methods(table: pd.DataFrame, methods: Sequence[str] | None = None) -> bytes | None:
    """Draw each layer's mean absolute gradient and contribution by task, one row of axes per method, as PNG.

    Args:
        table: concatenated tables ``balance.csv`` of several trainings, with a column ``method`` and optionally ``fold``
            and ``seed``: ``iteration, task, layer, gradient, contribution``. Layers are drawn in the order of their first
            row; means are over all measurements of all trainings of a method.
        methods: order of the methods; by default as they appear.

    Returns:
        The PNG; None if there is no finite value.

    Raises:
        ValueError: if a column or a row's method is missing.
    """
    return png(layers_of_methods_figure(table, methods))


def layers_of_methods_figure(table: pd.DataFrame, methods: Sequence[str] | None) -> Figure | None:
    """Return the figure of `layers_of_methods`."""
    rows = checked_rows("table", table, COLUMNS, ("gradient", "contribution"))
    rows = rows.dropna(subset=["gradient", "contribution"], how="all").astype({"layer": str, "task": str})
    if not (counts := present(rows, methods)):
        return None
    layers, tasks = (list(dict.fromkeys(rows[name])) for name in ("layer", "task"))
    look = stable_looks(tasks)
    figure, grid = method_grid(counts, 2, max(3.6, 0.3 * len(layers)), LETTER_INCHES * max(map(len, layers)))
    for column, (name, label) in enumerate((("gradient", GRADIENT), ("contribution", CONTRIBUTION))):
        means = rows.pivot_table(name, ["method", "task"], "layer").reindex(columns=layers)
        for axes, method in zip(grid[:, column], counts, strict=True):
            _draw(axes, means[means.index.get_level_values("method") == method].droplevel("method"), look)
        name_column(grid[:, column], label)
        scale_magnitudes(grid[0, column], means.to_numpy())
        grid[-1, column].set_xticks(range(len(layers)), layers, rotation=90)
        grid[-1, column].set_xlabel("layer", fontsize=8)
    legend(figure, {task: one._replace(linestyle="None") for task, one in look.items()})
    figure.suptitle("means over the training, all measurements of the n trainings", fontsize=9)
    return figure


def _draw(axes: Any, means: pd.DataFrame, look: Mapping[str, Look]) -> None:
    """Draw a marker per task and layer, side by side, so that equal values do not cover each other."""
    for number, (task, one) in enumerate(look.items()):
        if task in means.index and means.loc[task].notna().any():
            places = np.arange(means.shape[1]) + 0.6 * ((number + 0.5) / len(look) - 0.5)
            axes.plot(places, means.loc[task].to_numpy(), **(one._asdict() | {"linestyle": "None"}), markersize=4)
    mark_empty(axes)


MAX_PARTS = 24  # number of names that fit beside each other on a page
_MEASURES = ["gradient", "contribution"]
_SINGLE = {"iteration", "conflicts", *_MEASURES}


def network_parts(table: pd.DataFrame) -> pd.DataFrame:
    """Average each training's ``balance.csv`` over its measurements and over the layers of each part.

    A part is named by the first components of its layers' names, as many as give at most `MAX_PARTS` parts.

    Args:
        table: columns ``iteration, task, layer, gradient, contribution``, and those that identify a training.

    Returns:
        The same columns without the iteration, in the order of the layers.
    """
    names = table["layer"].astype(str)
    deepest = int(names.str.count(r"\.").max()) + 1 if len(names) else 1
    for depth in range(deepest, 0, -1):
        parts = names.str.split(".").str[:depth].str.join(".")
        if parts.nunique() <= MAX_PARTS:
            break
    by = [name for name in table if name not in _SINGLE]
    grouped = table.assign(layer=parts).groupby(by, sort=False, dropna=False)  # keep rows without a number of the fold
    return grouped[_MEASURES].mean().reset_index()
