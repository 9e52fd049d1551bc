"""Register the bundle of a run as the next version of a model in MLflow's model registry."""

from __future__ import annotations

import logging
from typing import Any

from fundus_mtl.tracking._client import BUNDLE_FOLDER

_FORBIDDEN = "/:"  # they separate the parts of models:/<name>/<version>
_logger = logging.getLogger(__name__)


def check_model_name(name: str | None) -> str | None:
    """Return the name of a registered model unchanged; an invalid name is an error before the training starts.

    Raises:
        ValueError: if MLflow would refuse the name.
    """
    if name is not None and (not name.strip() or set(name) & set(_FORBIDDEN)):
        raise ValueError(f"registered_model: expected a name without / and :, but got {name!r}; write null for none.")
    return name


def register_model(client: Any, run: Any, model: Any, name: str) -> None:
    """Register the logged model of a run; an error of MLflow is logged and does not fail the training.

    The version refers to the files of the logged model, as with `mlflow.register_model`, and has the note and the tags of
    the run (method, seed …). ``mlflow.artifacts.download_artifacts("models:/<name>/<version>")`` downloads the bundle,
    and ``mlflow.pyfunc.load_model`` loads it.

    Args:
        client: client of MLflow.
        run: run as MLflow returned it.
        model: logged model, None if the run has none.
        name: name of the model, which is created if it does not exist.
    """
    from mlflow.exceptions import MlflowException

    try:
        if model is None:
            _logger.warning("The run has no %s among its artifacts: no model was registered.", BUNDLE_FOLDER)
            return
        _make_model(client, name)
        tags = {key: value for key, value in run.data.tags.items() if not key.startswith("mlflow.")}
        note = run.data.tags.get("mlflow.note.content")
        made = client.create_model_version(
            name,
            model.artifact_location,  # "models:/<id>" would be looked up in the store of MLFLOW_TRACKING_URI
            run.info.run_id,
            tags=tags,
            description=note,
            await_creation_for=0,
            model_id=model.model_id,
        )
        _logger.info("The bundle is version %s of the registered model %s.", made.version, name)
    except MlflowException as error:
        _logger.warning(
            "The bundle was not registered as %s (%s). The run is complete: register it in MLflow.",
            name,
            error.error_code,
        )


def _make_model(client: Any, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
