"""Compare methods over folds and seeds: one command, one parent run in MLflow, resumable. Research use only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names

if TYPE_CHECKING:
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
else:
    __getattr__, __dir__ = lazy_names(__name__)

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
