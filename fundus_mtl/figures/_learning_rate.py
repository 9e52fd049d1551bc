"""Performance and loss against the learning rate, a line per method.

Source: Pascal et al., Multi-task deep learning for glaucoma detection from color fundus images (MTL-IO), Figs. 2 and 3.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from fundus_mtl.figures._band import draw_methods
from fundus_mtl.figures._look import legend, method_looks, panels, plain, png
from fundus_mtl.figures._plot_rows import Spread, checked_rows, order, spread_note, trainings

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

RATE = "learning rate (logarithmic, in the optimizer's unit)"


def metric_against_rate(
    trials: pd.DataFrame,
    metrics: Sequence[str],
    methods: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    logarithmic: Collection[str] = (),
    spread: Spread = "std",
) -> bytes | None:
    """Draw each metric against the learning rate as PNG, the rate on a logarithmic axis.

    Args:
        trials: one row per training: columns ``method, lr, seed`` and the metrics, optionally ``fold``.
        metrics: columns to draw, such as scores and losses.
        methods: all methods of the page in order, see `learning_curves`.
        labels: labels of the y axes by metric, with units.
        logarithmic: metrics with a logarithmic axis.
        spread: kind of the band over the trainings with the same rate, see `learning_curves`.

    Returns:
        The PNG; None if there is no finite value. The axes of a metric without finite values say so.

    Raises:
        ValueError: if a column or a row's method is missing, a rate is not positive, or the spread is unknown.
    """
    return png(metric_against_rate_figure(trials, metrics, methods, labels, logarithmic, spread))


def metric_against_rate_figure(
    trials: pd.DataFrame,
    metrics: Sequence[str],
    methods: Sequence[str] | None,
    labels: Mapping[str, str] | None,
    logarithmic: Collection[str],
    spread: Spread,
) -> Figure | None:
    """Return the figure of `metric_against_rate`."""
    rows = checked_rows("trials", trials, ("method", "lr", "seed", *metrics), ("lr", *metrics))
    if len(wrong := rows.loc[~(rows["lr"] > 0), "lr"]):
        raise ValueError(f"trials: expected learning rates above 0, but got {wrong.iloc[0]}.")
    look, counts = method_looks(order(rows, methods)), {metric: trainings(rows, metric) for metric in metrics}
    if not any(counts.values()):
        return None
    figure, places = panels(len(metrics))
    for axes, metric in zip(places, metrics, strict=True):
        draw_methods(axes, rows, "lr", metric, look, spread, metric in logarithmic)
        axes.set_xscale("log")
        axes.set_xlabel(RATE, fontsize=8)
        axes.set_ylabel(plain((labels or {}).get(metric, metric)), fontsize=9)
    most = {method: max(found.get(method, 0) for found in counts.values()) for method in look}
    legend(figure, {f"{method} (n = {most[method]})": look[method] for method in look if most[method]})
    figure.suptitle(spread_note(max(most.values()), spread), fontsize=9)
    return figure
