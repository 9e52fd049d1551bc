"""The bundle of a finished run as a model in MLflow's list "Logged models", which `mlflow.pyfunc.load_model` can load."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fundus_mtl.notices import VERSION
from fundus_mtl.tracking._client import BUNDLE_FOLDER, log_records, metric_records
from fundus_mtl.tracking._run_settings import RunSettings

_KEPT = "kept/"  # metrics of the epoch whose weights were saved
_MODEL_FILE = "MLmodel"
_CONFIG: dict[str, Any] = {"device": None, "overlays": [], "options": {}}  # MLflow ignores other keys of `model_config`


def has_bundle(settings: RunSettings) -> bool:
    """Return whether the artifacts of a run include a bundle that exists."""
    named = settings.artifacts.items() if hasattr(settings.artifacts, "items") else ()
    return any(name.split("/")[0] == BUNDLE_FOLDER and Path(path).exists() for name, path in named)


def model_of(run: Any) -> str | None:
    """Return the id of the latest logged model of a run; None if it has none."""
    outputs = getattr(run.outputs, "model_outputs", None) or []
    return str(outputs[-1].model_id) if outputs else None


@contextmanager
def logged_model(client: Any, run: Any, settings: RunSettings) -> Iterator[Any]:
    """Create a logged model, whose files are to be logged in the ``with`` block; it is READY afterwards, FAILED on an error.

    The metrics of the saved weights (``kept/…``) become metrics of the model.

    Args:
        client: client of MLflow.
        run: run as MLflow returned it.
        settings: settings of the run.
    """
    from mlflow.entities import LoggedModelOutput

    run = client.get_run(run.info.run_id)
    model = client.create_logged_model(
        run.info.experiment_id,
        name=BUNDLE_FOLDER,
        source_run_id=run.info.run_id,
        tags={key: value for key, value in run.data.tags.items() if not key.startswith("mlflow.")},
        params=dict(run.data.params),
        model_type="fundus_mtl bundle",
    )
    try:
        yield model
        if settings.loader_module is not None:
            _log_description(client, run, model, settings.loader_module)
    except BaseException:
        client.finalize_logged_model(model.model_id, "FAILED")
        raise
    kept = {name: value for name, value in run.data.metrics.items() if name.startswith(_KEPT)}
    epoch = int(kept.get(f"{_KEPT}epoch", 0))
    client.log_outputs(run.info.run_id, [LoggedModelOutput(model.model_id, epoch)])
    log_records(client, run.info.run_id, metric_records(kept, epoch, model.model_id))
    client.finalize_logged_model(model.model_id, "READY")


def _log_description(client: Any, run: Any, model: Any, loader_module: str) -> None:
    """Log the file ``MLmodel``, which names the module that loads the bundle, and the requirements; no pickled object."""
    description = {
        "artifact_path": model.artifact_location,
        "flavors": {
            "python_function": {
                "loader_module": loader_module,
                "data": ".",
                "config": _CONFIG,
                "python_version": platform.python_version(),
                "env": {"virtualenv": "python_env.yaml"},
            }
        },
        "mlflow_version": version("mlflow"),
        "model_id": model.model_id,
        "model_uuid": model.model_id,
        "run_id": run.info.run_id,
        "utc_time_created": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
    }
    environment = {"python": platform.python_version(), "dependencies": ["-r requirements.txt"]}
    files = {
        _MODEL_FILE: json.dumps(description, indent=2),  # JSON is YAML
        "python_env.yaml": json.dumps(environment, indent=2),
        "requirements.txt": f"fundus_mtl=={VERSION}",
    }
    with TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(f"{text}\n")
            client.log_model_artifact(model.model_id, str(Path(folder) / name))
