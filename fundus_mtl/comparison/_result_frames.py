"""What the trainings have left behind, as data frames: a row per training, a row per step, a row per case."""

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
    """What figures and tables are made of.

    Args:
        trainings: one row per network: method, fold, seed, network, the metrics, ``parameters``, ``step_seconds`` (s),
            ``training_seconds`` (s), status, reason, data_sha256, run_id.
        curves: method, fold, seed, network, metric, step, value.
        cases: the evaluations' ``per_case.csv``, with method, fold, seed, network in front.
        balance: the trainings' ``balance_steps.csv``, likewise; empty unless they measured it (``balance_interval``).
        layers: the same of their ``balance.csv``; no table, since it is long.
        trials: of the search: method, fold, seed, its options, its metric, state, further measures; empty without one.
        pictures: of the cases, with their index: the paths, see `kept_pictures`; no table, since paths tell of the machine.
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
    store: ComparisonRun,
) -> ResultFrames:
    """Read what every training has written, and its MLflow run.

    What a failed training left counts for nothing: its metrics are NaN.
    """
    import pandas as pd

    rows, curves = [], []
    found: Read = {name: [] for name in ("cases", "balance", "layers", "pictures")}
    for training, outcome in zip(trainings, outcomes, strict=True):
        run = store.of_folder(training.folder)
        who = {"method": training.method, "fold": training.fold, "seed": training.seed, "network": training.network}
        rows.append(who | training_row(comparison, training, outcome, run))
        if outcome.status == "finished":
            curves += [who | point for point in curves_of(store, run)]
            _read_all(training.folder, who, found)
    columns = [*KEYS, "network"]
    return ResultFrames(
        trainings=pd.DataFrame(rows),
        curves=pd.DataFrame(curves, columns=[*columns, "metric", "step", "value"]),
        cases=_below_each_other(found["cases"], [*columns, "id"]),
        balance=_below_each_other(found["balance"], [*columns, "iteration"]),
        layers=_below_each_other(found["layers"], [*columns, "task", "layer"]),
        trials=measured_trials(comparison, trials, store),
        pictures=_below_each_other(found["pictures"], PARTS),
    )


def _read_all(folder: Path, who: Mapping[str, Any], found: Read) -> None:
    """Add a training's tables to what was found."""
    for name, file in {"cases": _CASES, "balance": _BALANCE, "layers": _LAYERS}.items():
        found[name] += [_told(table, who) for table in _read(folder / file)]
    found["pictures"] += [kept_pictures(folder, table) for table in _read(folder / _CASES)]


def _read(file: Path) -> list[pd.DataFrame]:
    """Return a training's table; nothing if it has none."""
    import pandas as pd

    return [pd.read_csv(file, dtype={"id": str})] if file.is_file() else []


def _told(table: pd.DataFrame, who: Mapping[str, Any]) -> pd.DataFrame:
    """Put the training's own columns in front."""
    import pandas as pd

    return pd.concat([pd.DataFrame(dict(who), index=table.index), table], axis=1)


def _below_each_other(tables: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(columns))
