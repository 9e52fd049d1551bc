"""Compare methods over folds and seeds: one command, one parent run in MLflow, resumable. Research use only."""

from __future__ import annotations

from fundus_mtl.comparison._data_note import OtherDataError
from fundus_mtl.comparison._definition import Budget, Comparison, Method, Search
from fundus_mtl.comparison._listing import listing
from fundus_mtl.comparison._optuna import need_optuna
from fundus_mtl.comparison._parent_run import NoTrackingError
from fundus_mtl.comparison._plan import plan
from fundus_mtl.comparison._reading import read_comparison
from fundus_mtl.comparison._run_comparison import Result, run_comparison
from fundus_mtl.comparison._training import Training
from fundus_mtl.comparison._training_folder import OtherSettingsError

__all__ = [
    "Budget",
    "Comparison",
    "Method",
    "NoTrackingError",
    "OtherDataError",
    "OtherSettingsError",
    "Result",
    "Search",
    "Training",
    "listing",
    "need_optuna",
    "plan",
    "read_comparison",
    "run_comparison",
]
