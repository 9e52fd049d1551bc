"""Learning curves of several methods: axes per loss or metric, a line per method, a band over its trainings.

Source: as in Hervella et al., Multi-Adaptive Optimization, Fig. 6.
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

COLUMNS = ("method", "fold", "seed", "metric", "step", "value")


def learning_curves(
    curves: pd.DataFrame,
    methods: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    logarithmic: Collection[str] = (),
    spread: Spread = "std",
    step: str = "epoch",
) -> bytes | None:
    """Draw learning curves as PNG.

    The mean at a step is over the trainings with a finite value there. Of values that a training logged twice at a step,
    for example after a resume, the last one is used.

    Args:
        curves: columns ``method, fold, seed, metric, step, value``; the metrics are drawn in the order of appearance.
        methods: all methods of the page in order, so that each looks the same in every figure; by default the methods of
            the rows, as they appear.
        labels: labels of the y axes by metric, with units; by default the name of the metric.
        logarithmic: metrics with a logarithmic axis.
        spread: kind of the band: ``"std"``, ± 1 standard deviation (n - 1), or ``"range"``, lowest to highest.
        step: label of the x axes.

    Returns:
        The PNG; None if there is no finite value.

    Raises:
        ValueError: if a column or a row's method is missing, or the spread is unknown.
    """
    return png(learning_curves_figure(curves, methods, labels, logarithmic, spread, step))


def learning_curves_figure(
    curves: pd.DataFrame,
    methods: Sequence[str] | None,
    labels: Mapping[str, str] | None,
    logarithmic: Collection[str],
    spread: Spread,
    step: str,
) -> Figure | None:
    """Return the figure of `learning_curves`."""
    rows = checked_rows("curves", curves, COLUMNS, ("step", "value"))
    look = method_looks(order(rows, methods))
    rows = rows.dropna(subset=["step", "value"])
    metrics = list(dict.fromkeys(rows["metric"]))
    if not metrics:
        return None
    figure, places = panels(len(metrics))
    for axes, metric in zip(places, metrics, strict=True):
        draw_methods(axes, rows[rows["metric"] == metric], "step", "value", look, spread, metric in logarithmic)
        axes.set_xlabel(plain(step), fontsize=9)
        axes.set_ylabel(plain((labels or {}).get(metric, metric)), fontsize=9)
    counts = trainings(rows, "value")
    legend(figure, {f"{method} (n = {counts[method]})": look[method] for method in look if method in counts})
    figure.suptitle(spread_note(max(counts.values()), spread), fontsize=9)
    return figure
