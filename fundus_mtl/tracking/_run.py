"""The life of an MLflow run: find or create, describe, close."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from fundus_mtl.notices import VERSION
from fundus_mtl.tracking._client import (
    RUN_FILE,
    close_client,
    log_paths,
    read_run_file,
    write_run_file,
)
from fundus_mtl.tracking._errors import TrackingError, tracking_errors
from fundus_mtl.tracking._logged_model import has_bundle, logged_model
from fundus_mtl.tracking._redact import without_paths
from fundus_mtl.tracking._registration import register_model
from fundus_mtl.tracking._run_settings import RunSettings
from fundus_mtl.tracking._samples import describe_samples, source_commit
from fundus_mtl.tracking._scalars import metric_name

LONGEST_PARAM = 500  # characters; longer ones belong in the config artifact
_HOW_TO_READ = (
    "`val/…` is measured at every epoch, so its last value belongs to the last epoch. `kept/…` and `test/…` belong to the "
    "saved weights, those of epoch `kept/epoch`."
)
_PARAMS_PER_BATCH = 100  # MLflow refuses more


def open_run(client: Any, experiment_id: str, settings: RunSettings, iteration: int) -> Any:
    """Return the run to log to, RUNNING, and note it in the output folder.

    Args:
        client: client of MLflow.
        experiment_id: id of the experiment, which must exist.
        settings: settings of the run.
        iteration: iteration at which the engine starts; above 0 for a resumed training.

    Raises:
        ValueError: if the run to continue is not noted in the output folder, or is not in the tracking store.
    """
    run = _continued(client, settings, iteration) or _created(client, experiment_id, settings)
    write_run_file(settings.output_dir, settings.experiment_name, run.info.run_id)
    return run


def describe_run(client: Any, run: Any, settings: RunSettings, lengths: Mapping[str, Any], first_epoch: int) -> None:
    """Log parameters, data sets and config; parameters that a resumed run already has are not changed.

    Args:
        client: client of MLflow.
        run: run as MLflow returned it.
        settings: settings of the run.
        lengths: further parameters, such as the number of epochs.
        first_epoch: first epoch of this process, from 1; above 1 for a resumed training.
    """
    _log_params(client, run, {**lengths, **settings.params})
    _log_datasets(client, run, settings)
    if settings.config:
        config = json.loads(settings.config) if isinstance(settings.config, str) else settings.config
        name = f"config_from_epoch_{first_epoch}.yaml" if first_epoch > 1 else "config.yaml"
        client.log_dict(run.info.run_id, without_paths(config), name)


def close_run(
    client: Any, run: Any, settings: RunSettings, status: str, before: Sequence[Callable[[], None]] = ()
) -> None:
    """Close a run: its status is set even if an earlier step fails; the model is registered only if none did.

    The bundle among the artifacts of a FINISHED run becomes a logged model; that of another run stays among its artifacts.

    Args:
        client: client of MLflow.
        run: run as MLflow returned it.
        settings: settings of the run.
        status: status for MLflow: ``FINISHED``, ``FAILED`` or ``KILLED``.
        before: functions called before the artifacts are copied, for example to send the last metrics.
    """
    model = None
    try:
        try:
            for call in before:
                call()
            if status == "FINISHED" and has_bundle(settings):
                with logged_model(client, run, settings) as model:
                    log_paths(client, run.info.run_id, settings.artifacts, model.model_id)
            else:
                log_paths(client, run.info.run_id, settings.artifacts)
        finally:
            client.set_terminated(run.info.run_id, status)
        if settings.registered_model is not None and status == "FINISHED":
            register_model(client, run, model, settings.registered_model)
    finally:
        close_client(client)


def _continued(client: Any, settings: RunSettings, iteration: int) -> Any:
    noted = read_run_file(settings.output_dir)
    run_id = settings.run_id or noted
    if settings.run_id is None and settings.resume is True and noted is None:
        raise ValueError(
            f"expected {RUN_FILE} in the output folder to resume its run, but got none; write resume: auto."
        )
    wanted = settings.run_id or settings.resume is True or (settings.resume == "auto" and iteration > 0)
    run = find_run(client, run_id) if run_id else None
    if wanted and run is not None:
        client.update_run(run.info.run_id, status="RUNNING")
        return run
    if settings.run_id or (wanted and run_id and settings.resume != "auto"):
        raise ValueError(
            f"expected run {run_id} in experiment {settings.experiment_name}, but the tracking store has no such run."
        )
    if run is not None and run.info.status == "RUNNING":  # its process was killed before it could set the status
        client.set_terminated(run.info.run_id, "KILLED")
    return None


def find_run(client: Any, run_id: str) -> Any:
    """Return a run; None if the tracking store has no such run.

    Raises:
        TrackingError: if MLflow does not answer.
    """
    try:
        with tracking_errors():
            return client.get_run(run_id)
    except TrackingError as error:
        if error.code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def set_tags(client: Any, run_id: str, tags: Mapping[str, str]) -> None:
    """Set tags of a run in one call; existing values are replaced."""
    from mlflow.entities import RunTag

    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])


def _created(client: Any, experiment_id: str, settings: RunSettings) -> Any:
    tags = {
        "mlflow.source.name": "fundus_mtl",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": source_commit(),
        "mlflow.parentRunId": settings.parent_run_id,
        "mlflow.note.content": "\n\n".join(filter(None, (settings.note, _HOW_TO_READ))),
        "fundus_mtl_version": VERSION,
        "monai_version": version("monai"),
        "torch_version": version("torch"),
    }
    tags |= {metric_name(str(key)): value for key, value in settings.tags.items()}
    known = {key: str(without_paths(value)) for key, value in tags.items() if value is not None}
    return client.create_run(experiment_id, tags=known, run_name=without_paths(settings.run_name))


def _log_params(client: Any, run: Any, given: Mapping[str, Any]) -> None:
    from mlflow.entities import Param

    params = _flat(given)
    new = [Param(key, value) for key, value in params.items() if key not in run.data.params]
    for start in range(0, len(new), _PARAMS_PER_BATCH):
        client.log_batch(run.info.run_id, params=new[start : start + _PARAMS_PER_BATCH])


def _flat(params: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in params.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[metric_name(f"{prefix}{key}")] = str(without_paths(value))[:LONGEST_PARAM]
    return flat


def _log_datasets(client: Any, run: Any, settings: RunSettings) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    inputs = []
    for name, items in settings.datasets.items():
        known = describe_samples(items)
        profile = json.dumps({"num_rows": known["samples"], **known["present"]})
        dataset = Dataset(name, known["digest"], source_type="private", source="{}", profile=profile)
        inputs.append(DatasetInput(dataset, [InputTag("mlflow.data.context", name)]))
    if inputs:
        client.log_inputs(run.info.run_id, datasets=inputs)
