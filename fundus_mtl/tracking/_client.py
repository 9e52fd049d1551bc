"""The MLflow store: opened without telemetry, written to in batches, found again by a note next to the results."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

RUN_FILE = "mlflow_run.json"
_METRICS_PER_BATCH = 1000  # MLflow refuses more
_SQLITE = "sqlite:///"


def open_client(tracking_uri: str) -> Any:
    """Return an ``MlflowClient`` for exactly this address, whatever the environment says, with telemetry off.

    MLflow reports its use to its makers unless told otherwise, which a clinical machine must not do. Nothing is sent by
    importing it, so that turning it off here is early enough.
    """
    import mlflow
    from mlflow.environment_variables import MLFLOW_DISABLE_TELEMETRY
    from mlflow.telemetry import set_telemetry_client

    MLFLOW_DISABLE_TELEMETRY.set(True)
    set_telemetry_client()
    if (folder := _database_folder(tracking_uri)) is not None:
        folder.mkdir(parents=True, exist_ok=True)
    return mlflow.MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


def is_off(tracking_uri: str) -> bool:
    """Whether the address says that nothing is to be tracked: empty, or ``none`` in any case."""
    return tracking_uri.strip().lower() in ("", "none")


def artifact_folder(tracking_uri: str) -> str | None:
    """Return the address of ``mlruns`` beside a SQLite database; None leaves it to the server."""
    folder = _database_folder(tracking_uri)
    return None if folder is None else (folder.absolute() / "mlruns").as_uri()


def _database_folder(tracking_uri: str) -> Path | None:
    return Path(unquote(tracking_uri[len(_SQLITE) :])).parent if tracking_uri.startswith(_SQLITE) else None


def close_client(client: Any) -> None:
    """Let go of the database file; the client opens it again when it is used again."""
    for part in ("_tracking_client", "_registry_client_lazy"):
        store = getattr(getattr(client, part, None), "store", None)
        for engine in (getattr(store, "engine", None), getattr(store, "read_engine", None)):
            if engine is not None:
                engine.dispose()


def metric_records(values: Mapping[str, float], step: int) -> list[Any]:
    """Return MLflow's records of metrics of one step, all at the present time."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [Metric(name, value, now, step) for name, value in values.items()]


def log_records(client: Any, run_id: str, records: Sequence[Any]) -> None:
    """Write metrics in as few calls as MLflow allows: one call takes as long as one metric."""
    for start in range(0, len(records), _METRICS_PER_BATCH):
        client.log_batch(run_id, metrics=records[start : start + _METRICS_PER_BATCH])


def log_paths(client: Any, run_id: str, artifacts: Mapping[str, str | Path] | Iterable[str | Path]) -> None:
    """Copy files and folders into a run; what does not exist is passed over.

    Args:
        client: of MLflow.
        run_id: of the run.
        artifacts: paths, or folder name in the run to path. A folder without a name keeps its own name. MLflow's own
            files inside a folder are passed over, for they would be copied into themselves.
    """
    named = artifacts.items() if isinstance(artifacts, Mapping) else ((None, path) for path in artifacts)
    for name, source in named:
        path = Path(source)
        if path.is_file():
            client.log_artifact(run_id, str(path), name)
        elif path.is_dir():
            base = PurePosixPath(name or path.resolve().name)
            for file in [file for file in sorted(path.rglob("*")) if file.is_file() and not _is_own(file, path)]:
                client.log_artifact(run_id, str(file), str(base / file.relative_to(path).parent.as_posix()))


def _is_own(file: Path, folder: Path) -> bool:
    parts = file.relative_to(folder).parts
    return "mlruns" in parts or "__pycache__" in parts or parts[-1].startswith("mlruns.db") or parts[-1] == RUN_FILE


def write_run_file(folder: Path, experiment: str, run_id: str) -> None:
    """Note which run the results in a folder belong to; no address, for it may hold a path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RUN_FILE).write_text(json.dumps({"experiment": experiment, "run_id": run_id}, indent=2) + "\n")


def read_run_file(path: str | Path) -> str | None:
    """Return the id of the run noted in a folder or a file; None if there is no note."""
    file = Path(path) / RUN_FILE if Path(path).is_dir() else Path(path)
    return str(json.loads(file.read_text())["run_id"]) if file.is_file() else None
