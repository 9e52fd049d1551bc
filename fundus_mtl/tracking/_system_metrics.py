"""MLflow's own system metrics for a run that no ``mlflow.start_run`` has opened."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any


def check_system_metrics(wanted: bool) -> bool:
    """Return whether system metrics are wanted; refuse where they cannot be measured, before the training begins.

    Raises:
        ModuleNotFoundError: naming the remedy.
    """
    if wanted and find_spec("psutil") is None:
        raise ModuleNotFoundError(
            "system_metrics: expected the package psutil, but got none; install it, or write system_metrics: false."
        )
    return wanted


def start_monitor(client: Any, run: Any) -> Any:
    """Measure processor, memory, disk, network and GPU in a thread of MLflow's until its ``finish()`` is called.

    Every 10 s, unless ``MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL`` says otherwise; metrics are named ``system/…``, and
    those of a resumed run go on at the next step. What fails in the thread is a line in the log. GPUs of NVIDIA need the
    package nvidia-ml-py; without it their metrics are absent.
    """
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    monitor = SystemMetricsMonitor(run.info.run_id, resume_logging=True, tracking_uri=client.tracking_uri)
    monitor.start()
    return monitor
