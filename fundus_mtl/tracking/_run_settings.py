"""The settings that an MLflow run is opened with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class RunSettings:
    """The settings of one MLflow run; `fundus_mtl.handlers.RunHandler` describes each of them.

    Args:
        output_dir: folder of ``mlflow_run.json``.
        experiment_name: name of the experiment.
        run_name: name of the run; None lets MLflow invent one.
        run_id: id of the run to continue.
        resume: whether to continue the run noted in ``output_dir``.
        parent_run_id: id of the run that this one belongs to.
        tags: tags of the run.
        params: parameters, possibly nested.
        note: description of the run, in Markdown.
        config: merged configuration, a dictionary or JSON text.
        datasets: samples by the name of their data set; only counts and a digest are logged.
        artifacts: files and folders to copy when the run ends.
        loader_module: module that `mlflow.pyfunc.load_model` calls to load the bundle; None if nothing can load it.
        registered_model: name of the registered model, None for no registration.
    """

    output_dir: Path
    experiment_name: str
    run_name: str | None = None
    run_id: str | None = None
    resume: bool | Literal["auto"] = "auto"
    parent_run_id: str | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    note: str | None = None
    config: str | Mapping[str, Any] | None = None
    datasets: Mapping[str, Iterable[Mapping[str, Any]]] = field(default_factory=dict)
    artifacts: Mapping[str, str | Path] | Sequence[str | Path] = ()
    loader_module: str | None = None
    registered_model: str | None = None
