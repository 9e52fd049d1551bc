"""Add the results of an evaluation to the MLflow run of its training."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fundus_mtl.tracking import (
    close_client,
    find_run,
    is_off,
    log_paths,
    log_records,
    metric_records,
    model_of,
    open_client,
    read_run_file,
    scalars,
)

_logger = logging.getLogger(__name__)


def log_to_run(
    tracking_uri: str | None,
    run: str | Path,
    metrics: Mapping[str, Any] | None = None,
    artifacts: Mapping[str, str | Path] | Sequence[str | Path] = (),
    prefix: str = "test/",
    step: int = 0,
) -> str | None:
    """Add metrics and files to a run, which may have ended, and to its logged model; its status does not change.

    Args:
        tracking_uri: address of MLflow; None, an empty text or ``none`` turns tracking off.
        run: output folder of the training, its ``mlflow_run.json``, or the id of a run.
        metrics: numbers, short vectors, or dictionaries of these, for example ``$@evaluator.state.metrics``.
        artifacts: files and folders, optionally by their name in the run; paths that do not exist are skipped.
        prefix: start of every metric's name; not repeated where a name already starts with it.
        step: step of every metric.

    Returns:
        The id of the run. None if nothing was logged, because tracking is off, no run is noted in the folder, or the
        store does not have the run any more. The last two are logged as warnings, because an evaluation works without a
        run.
    """
    if tracking_uri is None or is_off(tracking_uri):
        return None
    run_id = read_run_file(run)
    if run_id is None and (isinstance(run, Path) or "/" in run or Path(run).suffix or Path(run).is_dir()):
        _logger.warning("%s names no MLflow run: the results are not sent to MLflow.", run)
        return None
    run_id = run_id or str(run)
    client = open_client(tracking_uri)
    try:
        found = find_run(client, run_id)
        if found is None:
            _logger.warning("The MLflow run %s is not in the store any more: the results are not sent to it.", run_id)
            return None
        model_id = model_of(found)
        log_records(client, run_id, metric_records(scalars(metrics or {}, prefix), step, model_id))
        log_paths(client, run_id, artifacts, model_id)
    finally:
        close_client(client)
    return run_id
