"""Handlers that MONAI lacks: one MLflow run per training, best weights, tables, figures, balance of the tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names

if TYPE_CHECKING:
    from fundus_mtl.handlers._artery_vein_picture import ArteryVeinPicture
    from fundus_mtl.handlers._best_model import BestModelSaver, keep_best_metric
    from fundus_mtl.handlers._case_figures import CaseFigures
    from fundus_mtl.handlers._case_table import CaseTable
    from fundus_mtl.handlers._folder_progress import FolderProgress
    from fundus_mtl.handlers._label_map_files import LabelMapFiles
    from fundus_mtl.handlers._latest_checkpoint import latest_checkpoint
    from fundus_mtl.handlers._log_to_run import log_to_run
    from fundus_mtl.handlers._lr_schedule import LrSchedule
    from fundus_mtl.handlers._run_handler import RunHandler
    from fundus_mtl.handlers._sample_overlay import SampleOverlay
    from fundus_mtl.handlers._step_cost import COST_FILE, StepCost
    from fundus_mtl.handlers._task_balance import TaskBalance
    from fundus_mtl.handlers._time_budget import TimeBudget
    from fundus_mtl.handlers._weights_loader import WeightsLoader
else:
    __getattr__, __dir__ = lazy_names(__name__)

__all__ = [
    "COST_FILE",
    "ArteryVeinPicture",
    "BestModelSaver",
    "CaseFigures",
    "CaseTable",
    "FolderProgress",
    "LabelMapFiles",
    "LrSchedule",
    "RunHandler",
    "SampleOverlay",
    "StepCost",
    "TaskBalance",
    "TimeBudget",
    "WeightsLoader",
    "keep_best_metric",
    "latest_checkpoint",
    "log_to_run",
]
