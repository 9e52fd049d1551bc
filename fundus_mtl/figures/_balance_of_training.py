"""The two pictures of a training's balance: per layer, and over time.

Source: Hervella et al., Multi-Adaptive Optimization, Figs. 4 and 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind eyes tell apart; hatches and markers for those who print in grey.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000", "#F0E442")
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++++", "oo")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<")
GRADIENT = "mean |gradient| (loss per unit of weight)"
CONTRIBUTION = "mean |contribution| (units of weight per step)"
LEGIBLE_PAIRS = 10  # more lines of cosines than that are one tangle
SMOOTH_FROM = 40  # measurements from which a line is a running mean, the measurements themselves pale behind it
LOG_FROM = 10.0  # a span of values, largest by smallest, from which a logarithmic axis tells more


def layers_of_training(table: pd.DataFrame, layers: Sequence[str] = ()) -> Figure:
    """Draw each layer's mean absolute gradient (left) and contribution to the update (right) over the training, by task.

    Args:
        table: with ``iteration, task, layer, gradient, contribution``.
        layers: the order from top to bottom; layers that are not named come last, as they come.
    """
    from matplotlib.figure import Figure

    tasks = list(dict.fromkeys(table["task"]))
    names = list(dict.fromkeys([*(name for name in layers if name in set(table["layer"])), *table["layer"]]))
    figure = Figure(figsize=(11, 1.6 + 0.3 * len(names)), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, column, label in ((left, "gradient", GRADIENT), (right, "contribution", CONTRIBUTION)):
        means = table.pivot_table(column, "task", "layer").reindex(index=tasks, columns=names)
        height = 0.84 / max(1, len(tasks))
        for i, task in enumerate(tasks):
            places = np.arange(len(names)) - 0.42 + (i + 0.5) * height
            # No bar rather than one of no length, which a logarithmic axis cannot place.
            values = means.loc[task].where(means.loc[task] > 0).to_numpy()
            axes.barh(places, values, height, label=task, color=_pick(COLOURS, i), hatch=_pick(HATCHES, i),
                      edgecolor="white", linewidth=0.2)  # fmt: skip
        _dress(axes, means.to_numpy(), label, "x")
    left.set_yticks(np.arange(len(names)), names, fontsize=8)
    left.set_ylim(len(names) - 0.4, -0.6)  # the first layer on top
    left.set_ylabel("layer")
    _legend(figure, left)
    figure.suptitle(_measured(table["iteration"], "Averages over the training"), fontsize=11)
    return figure


def steps_of_training(steps: pd.DataFrame, tasks: Sequence[str]) -> Figure:
    """Draw gradients, contributions, cosines and the conflict rate over the iterations; many measurements are smoothed.

    Args:
        steps: with ``iteration``, ``gradient_mean_<task>``, ``contribution_<task>``, ``cosine_<one>_<other>`` and
            ``conflict_rate``; what is absent or NaN is not drawn.
        tasks: in order.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16, 5), layout="constrained")
    panels = figure.subplots(1, 3)
    for axes, prefix, label in zip(panels, ("gradient_mean", "contribution"), (GRADIENT, CONTRIBUTION), strict=False):
        columns = [f"{prefix}_{task}" for task in tasks]
        for i, (column, task) in enumerate(zip(columns, tasks, strict=True)):
            _line(axes, steps, column, task, i)
        _dress(axes, steps.reindex(columns=columns).to_numpy(dtype=float), label, "y")
        axes.set_xlabel("iteration")
    _legend(figure, panels[0])
    _cosines(panels[2], steps, tasks)
    smooth = "; lines: running means" if len(steps) >= SMOOTH_FROM else ""
    figure.suptitle(_measured(steps["iteration"], "Averages over the network") + smooth, fontsize=11)
    return figure


def _cosines(axes: Any, steps: pd.DataFrame, tasks: Sequence[str]) -> None:
    """Draw the pairs' cosines, their mean where there are too many pairs, and the conflict rate."""
    pairs = {f"cosine_{a}_{b}": f"cosine {a}, {b}" for a, b in combinations(tasks, 2) if f"cosine_{a}_{b}" in steps}
    if len(pairs) > LEGIBLE_PAIRS:
        steps = steps.assign(mean_cosine=steps[list(pairs)].mean(axis=1))
        pairs = {"mean_cosine": f"mean cosine of {len(pairs)} pairs"}
    for i, (column, label) in enumerate(pairs.items()):
        _line(axes, steps, column, label, i)
    _line(axes, steps, "conflict_rate", "conflict rate", len(MARKERS) - 1, color="0.5", linestyle="--", zorder=1)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set(xlabel="iteration", ylabel="cosine (no unit), share of pairs in conflict", ylim=(-1.05, 1.05))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    else:
        axes.text(0.5, 0.5, "no pair of tasks", transform=axes.transAxes, ha="center", va="bottom")


def _line(axes: Any, steps: pd.DataFrame, column: str, label: str, number: int, **style: Any) -> None:
    """Draw what is known of a column; a task that is labelled now and then still has a line."""
    known = steps[["iteration", column]].dropna() if column in steps else steps.iloc[:0]
    if not len(known):
        return
    style = {"color": _pick(COLOURS, number), "linestyle": "-"} | style
    at, values = known["iteration"].to_numpy(), known[column]
    if len(steps) >= SMOOTH_FROM:
        axes.plot(at, values.to_numpy(), **(style | {"linewidth": 0.6, "alpha": 0.3}))
        values = values.rolling(max(1, len(known) // 10), min_periods=1, center=True).mean()
    axes.plot(at, values.to_numpy(), label=label, marker=_pick(MARKERS, number), markersize=4,
              markevery=max(1, len(known) // 12), linewidth=1.2, **style)  # fmt: skip


def _dress(axes: Any, values: Any, label: str, along: str) -> None:
    """Name the axis of the values, make it logarithmic where they span a lot, and say where there are none."""
    known = values[np.isfinite(values) & (values > 0)]
    if known.size and known.max() / known.min() >= LOG_FROM:
        axes.set(**{f"{along}scale": "log"})
    elif known.size:
        axes.set(**{f"{along}lim": (0, 1.05 * known.max())})
    else:
        axes.text(0.5, 0.5, "not known", transform=axes.transAxes, ha="center")
    axes.set(**{f"{along}label": label})
    axes.grid(axis=along, linewidth=0.4)
    axes.set_axisbelow(True)


def _legend(figure: Figure, axes: Any) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower left", ncols=min(len(labels), 8), frameon=False)


def _measured(iterations: pd.Series[Any], what: str) -> str:
    return f"{what}, {iterations.nunique()} measurements up to iteration {int(iterations.max())}"


def _pick(choices: Sequence[str], number: int) -> str:
    return choices[number % len(choices)]
