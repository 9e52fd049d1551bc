"""Find or make the MLflow run of a training, and write down what it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fundus_mtl import __version__
from fundus_mtl.handlers._provenance import describe_samples, source_commit
from fundus_mtl.handlers._redact import without_paths
from fundus_mtl.handlers._scalars import metric_name
from fundus_mtl.handlers._store import RUN_FILE, read_run_file, write_run_file

if TYPE_CHECKING:
    from ignite.engine import Engine

    from fundus_mtl.handlers._run import RunHandler

LONGEST_PARAM = 500  # characters; longer ones belong in the config artifact
_PARAMS_PER_BATCH = 100  # MLflow refuses more


def open_run(handler: RunHandler, owner: Engine) -> Any:
    """Return the run to log to, RUNNING, and note it in the output folder.

    Raises:
        ValueError: if the run to go on with is not noted, or is not in the tracking store.
    """
    run = _continued(handler, owner) or _created(handler)
    write_run_file(handler.output_dir, handler.experiment_name, run.info.run_id)
    return run


def describe_run(handler: RunHandler, run: Any, owner: Engine) -> None:
    """Write down the parameters, the data sets and the config; what a resumed run knows already stays."""
    _log_params(handler, run, owner)
    _log_datasets(handler, run)
    if handler.config:
        config = json.loads(handler.config) if isinstance(handler.config, str) else handler.config
        name = f"config_from_epoch_{owner.state.epoch + 1}.yaml" if owner.state.iteration else "config.yaml"
        handler.client.log_dict(run.info.run_id, without_paths(config), name)


def _continued(handler: RunHandler, owner: Engine) -> Any:
    noted = read_run_file(handler.output_dir)
    run_id = handler.run_id or noted
    if handler.run_id is None and handler.resume is True and noted is None:
        raise ValueError(
            f"expected {RUN_FILE} in the output folder to resume its run, but got none; write resume: auto."
        )
    wanted = handler.run_id or handler.resume is True or (handler.resume == "auto" and owner.state.iteration > 0)
    run = _lookup(handler.client, run_id) if run_id else None
    if wanted and run is not None:
        handler.client.update_run(run.info.run_id, status="RUNNING")
        return run
    if handler.run_id or (wanted and run_id and handler.resume != "auto"):
        raise ValueError(
            f"expected run {run_id} in experiment {handler.experiment_name}, but the tracking store has no such run."
        )
    if run is not None and run.info.status == "RUNNING":  # its process ended without a chance to say so
        handler.client.set_terminated(run.info.run_id, "KILLED")
    return None


def _lookup(client: Any, run_id: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def _created(handler: RunHandler) -> Any:
    tags = {
        "mlflow.source.name": "fundus_mtl",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": source_commit(),
        "mlflow.parentRunId": handler.parent_run_id,
        "mlflow.note.content": handler.note,
        "fundus_mtl_version": __version__,
        "monai_version": version("monai"),
        "torch_version": version("torch"),
    }
    tags |= {metric_name(str(key)): value for key, value in handler.tags.items()}
    known = {key: str(without_paths(value)) for key, value in tags.items() if value is not None}
    return handler.client.create_run(
        handler.experiment.experiment_id, tags=known, run_name=without_paths(handler.run_name)
    )


def _log_params(handler: RunHandler, run: Any, owner: Engine) -> None:
    from mlflow.entities import Param

    params = _flat({"max_epochs": owner.state.max_epochs, "epoch_length": owner.state.epoch_length} | handler.params)
    new = [Param(key, value) for key, value in params.items() if key not in run.data.params]
    for start in range(0, len(new), _PARAMS_PER_BATCH):
        handler.client.log_batch(run.info.run_id, params=new[start : start + _PARAMS_PER_BATCH])


def _flat(params: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in params.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[metric_name(f"{prefix}{key}")] = str(without_paths(value))[:LONGEST_PARAM]
    return flat


def _log_datasets(handler: RunHandler, run: Any) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    inputs = []
    for name, items in handler.datasets.items():
        known = describe_samples(items)
        profile = json.dumps({"num_rows": known["samples"], **known["present"]})
        dataset = Dataset(name, known["digest"], source_type="private", source="{}", profile=profile)
        inputs.append(DatasetInput(dataset, [InputTag("mlflow.data.context", name)]))
    if inputs:
        handler.client.log_inputs(run.info.run_id, datasets=inputs)
