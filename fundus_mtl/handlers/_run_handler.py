"""One MLflow run per training.

Avoids errors of MONAI 1.6.1's ``MLFlowHandler``, which continues any unfinished run of the experiment, leaves the status of
crashed runs at RUNNING, and raises an exception for a vector metric or a changed parameter.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import ignite.distributed as idist
from ignite.engine import Engine, Events
from monai.engines import Trainer
from monai.handlers import MLFlowHandler

from fundus_mtl.handlers._ending import on_end
from fundus_mtl.handlers._run_metrics import RunMetrics, learning_rates, losses
from fundus_mtl.tracking import (
    RunSettings,
    TrackingError,
    TrackingRefusedError,
    answers,
    artifact_folder,
    check_model_name,
    check_system_metrics,
    close_run,
    describe_run,
    find_or_create_experiment,
    is_off,
    open_client,
    open_run,
    start_monitor,
    tracking_errors,
)

_logger = logging.getLogger(__name__)


class RunHandler(MLFlowHandler):
    """Log a training and its validations to one MLflow run.

    Add the *same* object to the handlers of the trainer and of the evaluator: the trainer opens and closes the run, the
    evaluator adds its metrics at the trainer's epoch. The status of the run becomes FINISHED, FAILED (an exception) or
    KILLED (Ctrl-C, SIGTERM through ``StrictWorkflow``), after all other handlers, whatever their order. Only the first
    process writes.

    Logged, without absolute paths: ``train/loss``, ``train/loss_<task>`` (means over the iterations of an epoch with a
    label), ``lr/<group>`` and the evaluator's metrics once per epoch; ``iteration/loss…`` at an interval. NaN stays NaN.

    Args:
        tracking_uri: address of MLflow, for example ``$monai.utils.path_to_sqlite_uri(@output_dir + '/mlruns.db')``;
            None, an empty text or ``none`` turns the handler off.
        output_dir: folder of ``mlflow_run.json``, which names the run for a resumed training and for `log_to_run`.
        experiment_name: name of the experiment, such as the data set.
        run_name: name of the run; None lets MLflow choose one.
        run_id: id of the run to continue.
        resume: True continues the run noted in ``output_dir`` or raises; False creates a new run; ``auto`` continues the
            run if the engine resumes a training.
        parent_run_id: id of the run that this run belongs to.
        tags: tags such as method, fold, seed; commit and versions are added.
        params: short parameters, possibly nested; a resumed run keeps its first values.
        note: description of the run, in Markdown.
        config: merged config, a dictionary or JSON text (which ``StrictWorkflow`` fills in for ``merged_config``).
        datasets: samples by name; only their numbers and a digest are logged.
        artifacts: files and folders, optionally by their name in the run; copied at the end, also after a failure.
        iteration_interval: interval of logged iterations; 0 to log none.
        artifact_location: address of the artifacts of a new experiment; by default beside a SQLite file.
        loader_module: module that `mlflow.pyfunc.load_model` calls to load the artifact folder ``bundle`` of a FINISHED
            run, which is a logged model in MLflow; None if nothing can load it.
        registered_model: name under which that logged model is registered; None for no registration.
        system_metrics: whether to log MLflow's ``system/…`` metrics of processor, memory, disk, network and GPU.
    """

    def __init__(
        self,
        tracking_uri: str | None,
        output_dir: str | Path,
        experiment_name: str = "fundus_mtl",
        run_name: str | None = None,
        run_id: str | None = None,
        resume: bool | Literal["auto"] = "auto",
        parent_run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        note: str | None = None,
        config: str | Mapping[str, Any] | None = None,
        datasets: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
        artifacts: Mapping[str, str | Path] | Sequence[str | Path] = (),
        iteration_interval: int = 10,
        artifact_location: str | None = None,
        loader_module: str | None = None,
        registered_model: str | None = None,
        system_metrics: bool = False,
    ) -> None:
        self.client: Any = None
        self.cur_run: Any = None
        self.monitor: Any = None
        check_model_name(registered_model)
        self.system_metrics = check_system_metrics(system_metrics)
        # Only the first process opens the store: two processes that create its tables at the same time fail.
        if tracking_uri is None or is_off(tracking_uri) or idist.get_rank() > 0:
            return
        client = open_client(tracking_uri)
        location = artifact_location or artifact_folder(tracking_uri)
        super().__init__(tracking_uri, experiment_name=experiment_name, run_name=run_name, artifact_location=location)
        self.client = client  # the client of MONAI would prefer MLFLOW_TRACKING_URI to the config
        self.iteration_interval = iteration_interval
        self.settings = RunSettings(
            Path(output_dir),
            experiment_name,
            run_name=run_name,
            run_id=run_id,
            resume=resume,
            parent_run_id=parent_run_id,
            tags=dict(tags or {}),
            params=dict(params or {}),
            note=note,
            config=config,
            datasets=datasets or {},
            artifacts=artifacts,
            loader_module=loader_module,
            registered_model=registered_model,
        )
        self._owner: Engine | None = None
        self.run_metrics = RunMetrics(client)

    def attach(self, engine: Engine) -> None:
        """Register with an engine; the trainer owns the run, or the first engine if there is no trainer."""
        if self.client is None or getattr(engine.state, "rank", 0) > 0:
            return
        if self._owner is None or isinstance(engine, Trainer):
            self._owner = engine
        engine.add_event_handler(Events.STARTED, self.start)
        if isinstance(engine, Trainer):
            engine.add_event_handler(Events.EPOCH_STARTED, self._learning_rates)
            engine.add_event_handler(Events.ITERATION_COMPLETED, self.iteration_completed)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.epoch_completed)
        on_end(engine, functools.partial(self._ended, engine))

    def start(self, engine: Engine) -> None:
        """Create the run, or continue it."""
        if self.cur_run is None:
            experiment = find_or_create_experiment(self.client, self.settings.experiment_name, self.artifact_location)
            state = (self._owner or engine).state
            self.cur_run = open_run(self.client, experiment, self.settings, state.iteration)
            lengths = {"max_epochs": state.max_epochs, "epoch_length": state.epoch_length}
            describe_run(self.client, self.cur_run, self.settings, lengths, state.epoch + 1 if state.iteration else 1)
            self.monitor = start_monitor(self.client, self.cur_run) if self.system_metrics else None

    def _learning_rates(self, engine: Any) -> None:
        self.run_metrics.keep(learning_rates(engine.optimizer), engine.state.epoch)

    def iteration_completed(self, engine: Engine) -> None:
        """Add the losses to the means of the epoch; keep those of every n-th iteration."""
        found = losses(engine.state.output)
        self.run_metrics.add(found)
        if self.iteration_interval and engine.state.iteration % self.iteration_interval == 0:
            self.run_metrics.keep({f"iteration/{name}": loss for name, loss in found.items()}, engine.state.iteration)

    def keep(self, values: Mapping[str, Any], step: int) -> None:
        """Keep metrics of another handler until the next call to MLflow; does nothing if tracking is off."""
        if self.client is not None and self._owner is not None:
            self.run_metrics.keep(values, step)

    def epoch_completed(self, engine: Engine) -> None:
        """Send the metrics of the epoch in one call: mean losses (of a trainer) and the engine's metrics."""
        if isinstance(engine, Trainer):
            self.run_metrics.end_epoch(engine.state.epoch, measured=engine.state.metrics)
        self.run_metrics.keep(engine.state.metrics, engine.state.epoch)
        if self.cur_run is not None:
            self.run_metrics.send(self.cur_run.info.run_id)

    def _ended(self, engine: Engine, status: str) -> None:
        if engine is self._owner:
            self.close(status)

    def close(self, status: str = "FINISHED") -> None:
        """Send the remaining metrics, copy the artifacts, set the status, and register the model."""
        if self.cur_run is not None:
            run, self.cur_run = self.cur_run, None
            monitor, self.monitor = self.monitor, None
            send = functools.partial(self.run_metrics.send, run.info.run_id)
            before = [send] if monitor is None else [monitor.finish, send]
            try:
                if not answers(str(self.client.tracking_uri)):
                    raise TrackingError("no answer", "TEMPORARILY_UNAVAILABLE")
                with tracking_errors():
                    close_run(self.client, run, self.settings, status, before)
            except TrackingError as error:
                fault = (
                    f"expected to close the run in MLflow, but got an error ({error.code}): it stays RUNNING and without "
                    f"its files there; all files of the training are in {self.settings.output_dir.name!r}."
                )
                if status == "FINISHED":
                    raise TrackingRefusedError(fault, error.code) from error
                _logger.warning("%s", fault)  # another error ends the training
