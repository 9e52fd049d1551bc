"""MLflow's own system metrics for a run that was not opened with ``mlflow.start_run``."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any


def check_system_metrics(wanted: bool) -> bool:
    """Return ``wanted``, after checking that system metrics can be measured.

    Args:
        wanted: whether system metrics are to be logged.

    Raises:
        ModuleNotFoundError: if they are wanted and psutil is not installed.
    """
    if wanted and find_spec("psutil") is None:
        raise ModuleNotFoundError(
            "system_metrics: expected the package psutil, but got none; install it, or write system_metrics: false."
        )
    return wanted


def start_monitor(client: Any, run: Any) -> Any:
    """Measure processor, memory, disk, network and GPU in a thread of MLflow until ``finish()`` of the result is called.

    A measurement is made every 10 s, or at the interval ``MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL``. The metrics are named
    ``system/…``; a resumed run continues at the next step. Errors in the thread are logged. NVIDIA GPUs need the package
    nvidia-ml-py; without it, their metrics are absent.
    """
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    monitor = SystemMetricsMonitor(run.info.run_id, resume_logging=True, tracking_uri=client.tracking_uri)
    monitor.start()
    return monitor
