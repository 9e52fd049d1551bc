"""Methods, folds and seeds side by side: one command, one parent run in MLflow, resumable. Research use only."""

from __future__ import annotations

from fundus_mtl.comparison._command import add_compare
from fundus_mtl.comparison._compare import Result, run_comparison
from fundus_mtl.comparison._config import Budget, Comparison, Method, Search
from fundus_mtl.comparison._lock import LockedError
from fundus_mtl.comparison._plan import plan
from fundus_mtl.comparison._reading import read_comparison
from fundus_mtl.comparison._training import Training

__all__ = [
    "Budget",
    "Comparison",
    "LockedError",
    "Method",
    "Result",
    "Search",
    "Training",
    "add_compare",
    "plan",
    "read_comparison",
    "run_comparison",
]
