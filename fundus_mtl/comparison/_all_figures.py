"""The figures of a comparison."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from fundus_mtl.comparison._definition import Comparison
from fundus_mtl.comparison._method_pictures import method_pictures
from fundus_mtl.comparison._planned_figure import DrawnFigure, PlannedFigure, draw_figures
from fundus_mtl.comparison._result_frames import KEYS, ResultFrames
from fundus_mtl.comparison._trial_measures import RATE, measures_of

if TYPE_CHECKING:
    pass

_SUMS = ("train/loss", "val/score")  # of all tasks


def all_figures(comparison: Comparison, frames: ResultFrames) -> list[DrawnFigure]:
    """Draw learning curves, ROC curves, metrics against the learning rate, balance of the tasks, and pictures of cases.

    Figures without data are skipped; an error in a figure is reported in its place.
    """
    groups = {
        "Learning curves": _curves,
        "ROC curves": _roc,
        "Learning rate": _rates,
        "Balance": _balance,
        "Cases": method_pictures,
    }
    return draw_figures({title: partial(group, comparison, frames) for title, group in groups.items()})


def _curves(comparison: Comparison, frames: ResultFrames) -> Iterator[PlannedFigure]:
    """List a figure of training losses and one of validation metrics."""
    from fundus_mtl.figures import learning_curves

    alone = frames.curves["network"] != ""  # a single-task network has no sum of all tasks
    curves = frames.curves[~(alone & frames.curves["metric"].isin(_SUMS))]
    kinds = {"losses": ("train/loss", "Losses of the training"), "validation": ("val/", "Validation while training")}
    for name, (prefix, title) in kinds.items():
        rows = curves[curves["metric"].astype(str).str.startswith(prefix)]
        if len(rows):
            least = rows.groupby("metric")["value"].min()
            losses = [metric for metric in least.index if "loss" in metric and least[metric] > 0]
            caption = f"{title}. Mean over folds and seeds; logarithmic axes for losses."
            draw = partial(learning_curves, rows, _names(comparison), logarithmic=losses)
            yield PlannedFigure(f"learning_curves_{name}", caption, draw)


def _roc(comparison: Comparison, frames: ResultFrames) -> Iterator[PlannedFigure]:
    """List a figure per pair of a score and a label of 0 or 1: columns ``<task>_prob`` and ``<task>_true``."""
    from fundus_mtl.figures import roc_of_methods

    names = [str(name) for name in frames.cases]
    for task in [name.removesuffix("_true") for name in names if name.endswith("_true")]:
        if f"{task}_prob" not in names or not set(frames.cases[f"{task}_true"].dropna()) <= {0, 1}:
            continue
        columns = {f"{task}_true": "label", f"{task}_prob": "score"}
        rows = frames.cases[[*KEYS, "id", *columns]].rename(columns=columns).dropna(subset=["label", "score"])
        if len(rows):
            draw = partial(roc_of_methods, rows, _names(comparison), task)
            yield PlannedFigure(f"roc_{task}", f"ROC curves, {task}. On the test data.", draw)


def _rates(comparison: Comparison, frames: ResultFrames) -> Iterator[PlannedFigure]:
    """List the figure of the search's metrics against the learning rate, if the search varies it."""
    from fundus_mtl.figures import metric_against_rate

    if comparison.search is None or RATE not in frames.trials:
        return
    rows, name = frames.trials, comparison.search.metric
    metrics = [name, *measures_of(comparison.search, rows)]
    losses = [metric for metric in metrics if "loss" in metric and rows[metric].min() > 0]
    caption = (
        f"Performance and loss against the learning rate. One point per trial of the search: its best {name}, and what was "
        "measured at that epoch; val: validation data, train: training data."
    )
    draw = partial(metric_against_rate, rows, metrics, _names(comparison), logarithmic=losses)
    yield PlannedFigure("learning_rate", caption, draw)


def _balance(comparison: Comparison, frames: ResultFrames) -> Iterator[PlannedFigure]:
    """List the figures of gradients and conflicts, if the trainings measured them (``balance_interval``)."""
    from fundus_mtl.figures import balance_of_methods, layers_of_methods, network_parts

    if len(frames.balance):
        rows = frames.balance
        caption = "Balance and conflict of the tasks. Mean gradients, contributions to the update, cosines."
        yield PlannedFigure("balance", caption, partial(balance_of_methods, rows, _names(comparison)))
    if len(frames.layers):
        caption = "Balance of the tasks by part of the network. Means over the layers of a part, and over the training."
        methods = _names(comparison)
        yield PlannedFigure("balance_layers", caption, lambda: layers_of_methods(network_parts(frames.layers), methods))


def _names(comparison: Comparison) -> list[str]:
    """Return all methods, also those without data, so that each looks the same in every figure of the page."""
    return [method.name for method in comparison.methods]
