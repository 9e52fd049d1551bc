"""Make a run's bundle the next version of a registered model, for who looks for models and not for runs."""

from __future__ import annotations

import logging
from typing import Any

BUNDLE_FOLDER = "bundle"  # among the run's artifacts
_FORBIDDEN = "/:"  # they separate the parts of models:/<name>/<version>
_logger = logging.getLogger(__name__)


def check_model_name(name: str | None) -> str | None:
    """Return the name of a registered model as it is, so that a wrong one stops a training before it has begun.

    Raises:
        ValueError: if MLflow would refuse the name.
    """
    if name is not None and (not name.strip() or set(name) & set(_FORBIDDEN)):
        raise ValueError(f"registered_model: expected a name without / and :, but got {name!r}; write null for none.")
    return name


def register_bundle(client: Any, run: Any, name: str) -> None:
    """Register the artifact folder ``bundle`` of a run; whatever MLflow answers, the training is not lost over it.

    The version points to the run's own files, as `mlflow.register_model` does, and has the run's note and tags (method,
    seed …). It is no ``pyfunc``: ``mlflow.artifacts.download_artifacts("models:/<name>/<version>")`` brings the bundle.

    Args:
        client: of MLflow.
        run: as MLflow knows it, its artifacts already there.
        name: of the model, made if there is none.
    """
    from mlflow.exceptions import MlflowException

    try:
        if not client.list_artifacts(run.info.run_id, BUNDLE_FOLDER):
            _logger.warning("The run has no %s among its artifacts: nothing was registered.", BUNDLE_FOLDER)
            return
        _make_model(client, name)
        tags = {key: value for key, value in run.data.tags.items() if not key.startswith("mlflow.")}
        source = f"{run.info.artifact_uri.rstrip('/')}/{BUNDLE_FOLDER}"
        note = run.data.tags.get("mlflow.note.content")
        made = client.create_model_version(
            name, source, run.info.run_id, tags=tags, description=note, await_creation_for=0
        )
        _logger.info("The bundle is version %s of the registered model %s.", made.version, name)
    except MlflowException as error:
        _logger.warning(
            "The bundle was not registered as %s (%s): do it in MLflow, the run is complete.", name, error.error_code
        )


def _make_model(client: Any, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
