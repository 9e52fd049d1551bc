"""The MLflow client: opened without telemetry, writes in batches; a file beside the results names their run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from fundus_mtl.tracking._database import database_file, opening_database
from fundus_mtl.tracking._server import expect_server

RUN_FILE = "mlflow_run.json"
BUNDLE_FOLDER = "bundle"  # among the artifacts of a run, and name of its logged model
_METRICS_PER_BATCH = 1000  # MLflow refuses more


def open_client(tracking_uri: str) -> Any:
    """Return an ``MlflowClient`` for exactly this address, regardless of environment variables, with telemetry off.

    By default, MLflow reports its use to its developers, which a clinical machine must not do. Importing MLflow sends
    nothing, so turning telemetry off here is early enough.

    Args:
        tracking_uri: address of the tracking store; a SQLite file and its folder are created.

    Raises:
        TrackingRefusedError: if a server does not answer.
    """
    import mlflow
    from mlflow.environment_variables import MLFLOW_DISABLE_TELEMETRY
    from mlflow.telemetry import set_telemetry_client

    MLFLOW_DISABLE_TELEMETRY.set(True)
    set_telemetry_client()
    expect_server(tracking_uri)
    with opening_database(tracking_uri):
        return mlflow.MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


def is_off(tracking_uri: str) -> bool:
    """Return whether the address turns tracking off: an empty text, or ``none`` in upper or lower case."""
    return tracking_uri.strip().lower() in ("", "none")


def artifact_folder(tracking_uri: str) -> str | None:
    """Return the address of the folder ``mlruns`` beside a SQLite file; None, for the default of the server, otherwise."""
    database = database_file(tracking_uri)
    return None if database is None else (database.parent.absolute() / "mlruns").as_uri()


def close_client(client: Any) -> None:
    """Close the database file; the client opens it again if it is used again."""
    for part in ("_tracking_client", "_registry_client_lazy"):
        store = getattr(getattr(client, part, None), "store", None)
        for engine in (getattr(store, "engine", None), getattr(store, "read_engine", None)):
            if engine is not None:
                engine.dispose()


def metric_records(values: Mapping[str, float], step: int, model_id: str | None = None) -> list[Any]:
    """Return metrics of one step as MLflow's records, with the current time; of a logged model if ``model_id`` is given."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [Metric(name, value, now, step, model_id=model_id) for name, value in values.items()]


def log_records(client: Any, run_id: str, records: Sequence[Any]) -> None:
    """Log metrics in as few calls as MLflow allows, because one call takes as long as logging one metric."""
    for start in range(0, len(records), _METRICS_PER_BATCH):
        client.log_batch(run_id, metrics=records[start : start + _METRICS_PER_BATCH])


def log_paths(
    client: Any,
    run_id: str,
    artifacts: Mapping[str, str | Path] | Iterable[str | Path],
    model_id: str | None = None,
) -> None:
    """Copy files and folders into a run; paths that do not exist are skipped.

    Args:
        client: client of MLflow.
        run_id: id of the run.
        model_id: logged model of the run, which gets what is named ``bundle`` or ``bundle/…``; None if there is none.
        artifacts: paths, or paths by the folder in the run that they are copied to. A folder without such a name keeps
            its own name. MLflow's own files inside a folder are skipped, because they would be copied into themselves.
    """
    named = artifacts.items() if isinstance(artifacts, Mapping) else ((None, path) for path in artifacts)
    for name, source in named:
        path = Path(source)
        if path.is_file():
            _log_file(client, run_id, model_id, path, PurePosixPath(name or ""))
        elif path.is_dir():
            base = PurePosixPath(name or path.resolve().name)
            for file in [file for file in sorted(path.rglob("*")) if file.is_file() and not _is_own(file, path)]:
                _log_file(client, run_id, model_id, file, base / file.relative_to(path).parent.as_posix())


def _log_file(client: Any, run_id: str, model_id: str | None, file: Path, folder: PurePosixPath) -> None:
    if model_id is not None and folder.parts[:1] == (BUNDLE_FOLDER,):
        inner = "/".join(folder.parts[1:])
        client.log_model_artifact(model_id, str(file), inner or None)
    else:
        client.log_artifact(run_id, str(file), str(folder) if folder.parts else None)


def _is_own(file: Path, folder: Path) -> bool:
    parts = file.relative_to(folder).parts
    return "mlruns" in parts or "__pycache__" in parts or parts[-1].startswith("mlruns.db") or parts[-1] == RUN_FILE


def write_run_file(folder: Path, experiment: str, run_id: str) -> None:
    """Write the run that the results in a folder belong to; without the address, which may contain a path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RUN_FILE).write_text(json.dumps({"experiment": experiment, "run_id": run_id}, indent=2) + "\n")


def read_run_file(path: str | Path) -> str | None:
    """Return the run id from the file in a folder, or from the file itself; None if there is no such file."""
    file = Path(path) / RUN_FILE if Path(path).is_dir() else Path(path)
    return str(json.loads(file.read_text())["run_id"]) if file.is_file() else None
