"""The results of all trainings as data frames: a row per training, per step, per case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundus_mtl.comparison._definition import Comparison
from fundus_mtl.comparison._do_training import Outcome
from fundus_mtl.comparison._kept_pictures import PARTS, kept_pictures
from fundus_mtl.comparison._parent_run import ComparisonRun
from fundus_mtl.comparison._training import Training
from fundus_mtl.comparison._training_row import curves_of, training_row
from fundus_mtl.comparison._trial_measures import measured_trials

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("method", "fold", "seed")
_CASES, _BALANCE, _LAYERS = "evaluation/per_case.csv", "balance/balance_steps.csv", "balance/balance.csv"
Read = dict[str, list["pd.DataFrame"]]


@dataclass(frozen=True)
class ResultFrames:
    """The data of figures and tables.

    Args:
        trainings: one row per network: method, fold, seed, network, the metrics, ``parameters``, ``step_seconds`` (s),
            ``training_seconds`` (s), ``processor_seconds`` (s), status, reason, data_sha256, run_id.
        curves: columns method, fold, seed, network, metric, step, value.
        cases: content of the evaluations' ``per_case.csv``, preceded by method, fold, seed, network.
        balance: content of the trainings' ``balance_steps.csv``, likewise; empty unless ``balance_interval`` was set.
        layers: content of their ``balance.csv``, likewise; too long to be written as a table.
        trials: trials of the search: method, fold, seed, options, metric, state, further measures; empty without a search.
        pictures: paths of the cases' pictures, with the index of ``cases``, see `kept_pictures`; not written as a table,
            because the paths are private.
    """

    trainings: pd.DataFrame
    curves: pd.DataFrame
    cases: pd.DataFrame
    balance: pd.DataFrame
    layers: pd.DataFrame
    trials: pd.DataFrame
    pictures: pd.DataFrame

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the frames that are written as tables, by name."""
        return {name: frame for name, frame in vars(self).items() if name not in ("layers", "pictures")}


def collect(
    comparison: Comparison,
    trainings: Sequence[Training],
    outcomes: Sequence[Outcome],
    trials: Sequence[Mapping[str, Any]],
    parent_run: ComparisonRun,
) -> ResultFrames:
    """Read the files and the MLflow run of every training; the metrics of a failed training are NaN."""
    import pandas as pd

    rows, curves = [], []
    found: Read = {name: [] for name in ("cases", "balance", "layers", "pictures")}
    for training, outcome in zip(trainings, outcomes, strict=True):
        run = parent_run.of_folder(training.folder)
        who = {"method": training.method, "fold": training.fold, "seed": training.seed, "network": training.network}
        rows.append(who | training_row(comparison, training, outcome, run))
        if outcome.status == "finished":
            curves += [who | point for point in curves_of(parent_run, run)]
            _read_all(training.folder, who, found)
    columns = [*KEYS, "network"]
    return ResultFrames(
        trainings=pd.DataFrame(rows),
        curves=pd.DataFrame(curves, columns=[*columns, "metric", "step", "value"]),
        cases=_below_each_other(found["cases"], [*columns, "id"]),
        balance=_below_each_other(found["balance"], [*columns, "iteration"]),
        layers=_below_each_other(found["layers"], [*columns, "task", "layer"]),
        trials=measured_trials(comparison, trials, parent_run),
        pictures=_below_each_other(found["pictures"], PARTS),
    )


def _read_all(folder: Path, who: Mapping[str, Any], found: Read) -> None:
    """Append a training's tables to ``found``."""
    for name, file in {"cases": _CASES, "balance": _BALANCE, "layers": _LAYERS}.items():
        found[name] += [_labelled(table, who) for table in _read(folder / file)]
    found["pictures"] += [kept_pictures(folder, table) for table in _read(folder / _CASES)]


def _read(file: Path) -> list[pd.DataFrame]:
    """Return a training's table in a list, which is empty if there is no such file."""
    import pandas as pd

    return [pd.read_csv(file, dtype={"id": str})] if file.is_file() else []


def _labelled(table: pd.DataFrame, who: Mapping[str, Any]) -> pd.DataFrame:
    """Return the table preceded by the columns that identify the training."""
    import pandas as pd

    return pd.concat([pd.DataFrame(dict(who), index=table.index), table], axis=1)


def _below_each_other(tables: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(columns))
