"""What the trainings have left behind, as data frames: a row per training, a row per step, a row per case."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundus_mtl.comparison._config import Comparison
from fundus_mtl.comparison._one_training import Outcome
from fundus_mtl.comparison._store import ComparisonRun
from fundus_mtl.comparison._training import Training

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("method", "fold", "seed")
_CASES, _BALANCE = "evaluation/per_case.csv", "balance/balance_steps.csv"
_COSTS = ("parameters", "step_seconds", "training_seconds")


@dataclass(frozen=True)
class Frames:
    """What figures and tables are made of.

    Args:
        trainings: one row per network: method, fold, seed, network, the metrics, ``parameters``, ``step_seconds`` (s),
            ``training_seconds`` (s), status, reason, data_sha256, run_id.
        curves: method, fold, seed, network, metric, step, value.
        cases: the evaluations' ``per_case.csv``, with method, fold, seed, network in front.
        balance: the trainings' ``balance_steps.csv``, likewise; empty unless they measured it (``balance_interval``).
        trials: of the search: method, fold, seed, its options, its metric, state; empty without one.
    """

    trainings: pd.DataFrame
    curves: pd.DataFrame
    cases: pd.DataFrame
    balance: pd.DataFrame
    trials: pd.DataFrame


def collect(
    comparison: Comparison,
    trainings: Sequence[Training],
    outcomes: Sequence[Outcome],
    trials: Sequence[Mapping[str, Any]],
    store: ComparisonRun,
) -> Frames:
    """Read what every training has written, and its MLflow run.

    What a failed training left counts for nothing: its metrics are NaN.
    """
    import pandas as pd

    rows, curves = [], []
    tables: dict[str, list[pd.DataFrame]] = {file: [] for file in (_CASES, _BALANCE)}
    for training, outcome in zip(trainings, outcomes, strict=True):
        run = store.of_folder(training.folder)
        who = {"method": training.method, "fold": training.fold, "seed": training.seed, "network": training.network}
        rows.append(who | _row(comparison, training, outcome, run))
        if outcome.status == "finished":
            curves += [who | point for point in _curves(store, run)]
            for file, found in tables.items():
                found += _read(training.folder / file, who)
    columns = [*KEYS, "network"]
    return Frames(
        pd.DataFrame(rows),
        pd.DataFrame(curves, columns=[*columns, "metric", "step", "value"]),
        _below_each_other(tables[_CASES], [*columns, "id"]),
        _below_each_other(tables[_BALANCE], [*columns, "iteration"]),
        pd.DataFrame(list(trials)),
    )


def _row(comparison: Comparison, training: Training, outcome: Outcome, run: Any) -> dict[str, Any]:
    finished = outcome.status == "finished"
    metrics = dict.fromkeys(comparison.metrics, nan)
    costs: dict[str, Any] = dict.fromkeys(_COSTS, nan)
    if finished:
        metrics = _metrics(comparison, training, run)
        if (file := training.folder / "cost.json").is_file():
            costs |= {key: json.loads(file.read_text()).get(key, nan) for key in _COSTS}
    told = {} if run is None else run.data.tags
    chosen = {f"chosen.{key}": value for key, value in training.chosen.items()}
    return {
        **metrics,
        **costs,
        **chosen,
        "status": outcome.status,
        "reason": outcome.reason,
        "data_sha256": told.get("data_sha256", ""),
        "run_id": "" if run is None else run.info.run_id,
    }


def _metrics(comparison: Comparison, training: Training, run: Any) -> dict[str, float]:
    """Return the metrics of a network; one that was trained for a task alone answers for that task."""
    import pandas as pd

    file = training.folder / "evaluation" / "summary.csv"
    found: dict[str, float] = {} if run is None else dict(run.data.metrics)
    if file.is_file():
        summary = pd.read_csv(file)
        found |= dict(zip(summary["metric"], summary["value"].astype(float), strict=True))
    own = comparison.tasks.get(training.network, ()) if training.network else comparison.metrics
    return {name: float(found.get(name, nan)) if name in own else nan for name in comparison.metrics}


def _curves(store: ComparisonRun, run: Any) -> list[dict[str, Any]]:
    """Return every metric that has a history, but for those of single iterations."""
    if run is None:
        return []
    names = [name for name in run.data.metrics if not name.startswith("iteration_")]
    return [
        {"metric": name, "step": step, "value": value}
        for name in names
        for step, value in store.history(run.info.run_id, name)
    ]


def _read(file: Path, who: Mapping[str, Any]) -> list[pd.DataFrame]:
    """Return a training's table with the training's own columns in front; nothing if it has none."""
    import pandas as pd

    if not file.is_file():
        return []
    table = pd.read_csv(file, dtype={"id": str})
    for place, (key, value) in enumerate(who.items()):
        table.insert(place, key, value)
    return [table]


def _below_each_other(tables: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(columns))
