"""The row of a training: metrics, costs and status; and its curves."""

from __future__ import annotations

import json
from math import nan
from typing import TYPE_CHECKING, Any

from fundus_mtl.comparison._definition import Comparison
from fundus_mtl.comparison._do_training import Outcome
from fundus_mtl.comparison._training import Training

if TYPE_CHECKING:
    from fundus_mtl.comparison._parent_run import ComparisonRun

_COSTS = ("parameters", "step_seconds", "training_seconds", "processor_seconds")


def training_row(comparison: Comparison, training: Training, outcome: Outcome, run: Any) -> dict[str, Any]:
    """Return the columns of `ResultFrames.trainings` after method, fold, seed and network; NaN if the training failed."""
    finished = outcome.status == "finished"
    metrics = dict.fromkeys(comparison.metrics, nan)
    costs: dict[str, Any] = dict.fromkeys(_COSTS, nan)
    if finished:
        metrics = _metrics(comparison, training, run)
        if (file := training.folder / "cost.json").is_file():
            costs |= {key: json.loads(file.read_text()).get(key, nan) for key in _COSTS}
    tags = {} if run is None else run.data.tags
    chosen = {f"chosen.{key}": value for key, value in training.chosen.items()}
    return {
        **metrics,
        **costs,
        **chosen,
        "status": outcome.status,
        "reason": outcome.reason,
        "data_sha256": tags.get("data_sha256", ""),
        "run_id": "" if run is None else run.info.run_id,
    }


def _metrics(comparison: Comparison, training: Training, run: Any) -> dict[str, float]:
    """Return the metrics of a network; a single-task network has those of its task only."""
    import pandas as pd

    file = training.folder / "evaluation" / "summary.csv"
    found: dict[str, float] = {} if run is None else dict(run.data.metrics)
    if file.is_file():
        summary = pd.read_csv(file)
        found |= dict(zip(summary["metric"], summary["value"].astype(float), strict=True))
    own = comparison.tasks.get(training.network, ()) if training.network else comparison.metrics
    return {name: float(found.get(name, nan)) if name in own else nan for name in comparison.metrics}


def curves_of(parent_run: ComparisonRun, run: Any) -> list[dict[str, Any]]:
    """Return the histories of all metrics of epochs, without copies of the kept epoch: metric, step, value."""
    if run is None:
        return []
    names = [name for name in run.data.metrics if not name.startswith(("iteration/", "balance/", "kept/", "system/"))]
    return [
        {"metric": name, "step": step, "value": value}
        for name in names
        for step, value in parent_run.history(run.info.run_id, name)
    ]
