"""MLflow: opening the store, the life of a run, what is logged, and what is removed before. Knows no engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names

if TYPE_CHECKING:
    from fundus_mtl.tracking._client import (
        artifact_folder,
        close_client,
        is_off,
        log_paths,
        log_records,
        metric_records,
        open_client,
        read_run_file,
        write_run_file,
    )
    from fundus_mtl.tracking._errors import TrackingError, TrackingRefusedError, tracking_errors
    from fundus_mtl.tracking._experiment import find_or_create_experiment
    from fundus_mtl.tracking._logged_model import model_of
    from fundus_mtl.tracking._redact import without_paths
    from fundus_mtl.tracking._registration import check_model_name
    from fundus_mtl.tracking._run import (
        close_run,
        describe_run,
        find_run,
        open_run,
        set_tags,
    )
    from fundus_mtl.tracking._run_settings import RunSettings
    from fundus_mtl.tracking._samples import describe_samples, source_commit
    from fundus_mtl.tracking._scalars import scalars
    from fundus_mtl.tracking._server import answers
    from fundus_mtl.tracking._system_metrics import check_system_metrics, start_monitor
else:
    __getattr__, __dir__ = lazy_names(__name__)

__all__ = [
    "RunSettings",
    "TrackingError",
    "TrackingRefusedError",
    "answers",
    "artifact_folder",
    "check_model_name",
    "check_system_metrics",
    "close_client",
    "close_run",
    "describe_run",
    "describe_samples",
    "find_or_create_experiment",
    "find_run",
    "is_off",
    "log_paths",
    "log_records",
    "metric_records",
    "model_of",
    "open_client",
    "open_run",
    "read_run_file",
    "scalars",
    "set_tags",
    "source_commit",
    "start_monitor",
    "tracking_errors",
    "without_paths",
    "write_run_file",
]
