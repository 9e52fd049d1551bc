"""Add the results of an evaluation to the run of the training they belong to."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fundus_mtl.tracking import (
    close_client,
    is_off,
    log_paths,
    log_records,
    metric_records,
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
    prefix: str = "test_",
    step: int = 0,
) -> str | None:
    """Add metrics and files to a run that may be over already; its status stays as it is.

    Args:
        tracking_uri: None, an empty text or ``none`` does nothing.
        run: the training's output folder, its ``mlflow_run.json``, or the id of a run.
        metrics: for example ``$@evaluator.state.metrics``; numbers, short vectors, dictionaries of these.
        artifacts: files and folders, or a dictionary from the name in the run; what does not exist is passed over.
        prefix: of every metric's name, unless it begins so.
        step: of every metric.

    Returns:
        The id of the run, or None if nothing was logged: tracking is off, or no run is noted in the folder (a line in
        the log says so, for an evaluation must not fail for having no training).
    """
    if tracking_uri is None or is_off(tracking_uri):
        return None
    run_id = read_run_file(run)
    if run_id is None and (isinstance(run, Path) or "/" in run or Path(run).suffix or Path(run).is_dir()):
        _logger.warning("No MLflow run is noted in %s: the results are not sent to MLflow.", run)
        return None
    run_id = run_id or str(run)
    from mlflow.exceptions import MlflowException

    client = open_client(tracking_uri)
    try:
        log_records(client, run_id, metric_records(scalars(metrics or {}, prefix), step))
        log_paths(client, run_id, artifacts)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        _logger.warning("The MLflow run %s is not in the store any more: the results are not sent to MLflow.", run_id)
        return None
    finally:
        close_client(client)
    return run_id
