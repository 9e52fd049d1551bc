"""The figures of a comparison's page: whatever the frames hold enough for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fundus_mtl.comparison._config import Comparison
from fundus_mtl.comparison._frames import KEYS, Frames

if TYPE_CHECKING:
    import pandas as pd

Figure = tuple[str, bytes | None]
RATE = "lr"  # the option that a search against learning rates varies


def figures_of(comparison: Comparison, frames: Frames) -> list[Figure]:
    """Draw learning curves, ROC curves, the search's rates, balance and conflict; what nothing was measured of is left out.

    Returns:
        Captions and PNGs, as `comparison_page` takes them.
    """
    methods = [method.name for method in comparison.methods]
    drawn = [*_curves(frames, methods), *_roc(frames, methods), *_rates(frames, comparison), *_balance(frames, methods)]
    return [(caption, picture) for caption, picture in drawn if picture is not None]


def _curves(frames: Frames, methods: list[str]) -> Iterator[Figure]:
    """Draw training losses and validation metrics, a picture each."""
    from fundus_mtl.reporting import learning_curves

    alone = frames.curves["network"] != ""  # a network per task has no sum of all tasks
    curves = frames.curves[~(alone & frames.curves["metric"].isin(("train_loss", "val_score")))]
    names = curves["metric"].unique()
    for prefix, title in (("train_loss", "Losses of the training"), ("val_", "Validation while training")):
        wanted = [name for name in names if str(name).startswith(prefix)]
        rows = curves[curves["metric"].isin(wanted)]
        if len(rows):
            losses = [name for name in wanted if "loss" in name]
            caption = f"{title}. Mean over folds and seeds; logarithmic axes for losses."
            yield caption, learning_curves(rows, _present(methods, rows), logarithmic=_positive(rows, losses))


def _positive(rows: pd.DataFrame, names: list[str]) -> list[str]:
    """Return the metrics that a logarithmic axis can show."""
    least = rows.groupby("metric")["value"].min()
    return [name for name in names if least[name] > 0]


def _roc(frames: Frames, methods: list[str]) -> Iterator[Figure]:
    """Draw the curves of every score that stands beside a label of 0 or 1: ``<task>_prob`` and ``<task>_true``."""
    from fundus_mtl.reporting import roc_with_bands

    names = [str(name) for name in frames.cases]
    for task in [name.removesuffix("_true") for name in names if name.endswith("_true")]:
        if f"{task}_prob" not in names or not set(frames.cases[f"{task}_true"].dropna()) <= {0, 1}:
            continue
        columns = {f"{task}_true": "label", f"{task}_prob": "score"}
        rows = frames.cases[[*KEYS, "id", *columns]].rename(columns=columns).dropna(subset=["label", "score"])
        if len(rows):
            yield f"ROC curves, {task}. On the test data.", roc_with_bands(rows, _present(methods, rows), task)


def _rates(frames: Frames, comparison: Comparison) -> Iterator[Figure]:
    """Draw what the search found against the learning rate, where it varied that."""
    from fundus_mtl.reporting import metric_against_rate

    if comparison.search is None or RATE not in frames.trials:
        return
    rows, name = frames.trials, comparison.search.metric
    caption = f"{name} against the learning rate. Trials of the search, one point each; validation data."
    yield caption, metric_against_rate(rows, [name], _present([m.name for m in comparison.methods], rows))


def _balance(frames: Frames, methods: list[str]) -> Iterator[Figure]:
    """Draw the tasks' pull on the network, where the trainings measured it (``balance_interval``)."""
    from fundus_mtl.reporting import balance_comparison

    if len(frames.balance):
        caption = "Balance and conflict of the tasks. Mean gradients, contributions to the update, cosines."
        yield caption, balance_comparison(frames.balance, _present(methods, frames.balance))


def _present(methods: list[str], rows: pd.DataFrame) -> list[Any]:
    known = set(rows["method"])
    return [method for method in methods if method in known]
