"""The MLflow run of the comparison, and access to the runs of its trainings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from fundus_mtl.comparison._definition import Comparison
from fundus_mtl.notices import VERSION
from fundus_mtl.tracking import (
    TrackingError,
    TrackingRefusedError,
    artifact_folder,
    close_client,
    find_or_create_experiment,
    find_run,
    log_records,
    metric_records,
    open_client,
    read_run_file,
    scalars,
    set_tags,
    source_commit,
    tracking_errors,
    without_paths,
    write_run_file,
)

_logger = logging.getLogger(__name__)
_NOTE = "Research use only: not for any decision about a patient."
_LONGEST = 5000  # characters of a tag


class NoTrackingError(ConnectionError):
    """MLflow does not answer at the address of the comparison."""


class ComparisonRun:
    """The parent run in MLflow; the same run continues when the comparison is called again.

    Store and experiment are created here, before any training, because two processes that create the tables of a store at
    the same time fail.

    Args:
        comparison: comparison that the run belongs to.

    Raises:
        NoTrackingError: if MLflow does not answer.
    """

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        try:
            with tracking_errors():
                self.client = open_client(comparison.tracking_uri)
                self.run_id = self._open()
        except TrackingRefusedError as error:
            raise NoTrackingError(str(error)) from error
        except TrackingError as error:
            raise NoTrackingError(
                f"tracking_uri: expected an MLflow that answers, but got an error ({error.code}); "
                "start the server, or leave tracking_uri out to use a file."
            ) from error

    def _open(self) -> str:
        """Return the id of the run, which is found or created, and set it to RUNNING."""
        comparison = self.comparison
        experiment = find_or_create_experiment(
            self.client, comparison.experiment_name, artifact_folder(comparison.tracking_uri)
        )
        run = self.of_folder(comparison.output_dir) or self._create(experiment)
        run_id = str(run.info.run_id)
        self.client.update_run(run_id, status="RUNNING")
        try:
            write_run_file(comparison.output_dir, comparison.experiment_name, run_id)
            set_tags(self.client, run_id, self._tags())
        except BaseException:
            self.client.set_terminated(run_id, "FAILED")
            close_client(self.client)
            raise
        return run_id

    def _create(self, experiment_id: str) -> Any:
        bundle = Path(self.comparison.bundle).name
        name = f"compare {bundle} {self.comparison.name}"
        run = self.client.create_run(experiment_id, tags={"stage": "parent"}, run_name=name)
        self.client.log_param(run.info.run_id, "bundle", bundle)
        return run

    def _tags(self) -> dict[str, str]:
        """Return the comparison's settings as tags: they may change with the next call, and MLflow's params cannot."""
        comparison = self.comparison
        settings = {
            "methods": ", ".join(method.name for method in comparison.methods),
            "folds": ", ".join("own split" if fold is None else str(fold) for fold in comparison.folds),
            "seeds": ", ".join(map(str, comparison.seeds)),
            "metrics": ", ".join(comparison.metrics),
            "epochs": comparison.budget.epochs or "the bundle's own",
            "minutes": comparison.budget.minutes or "no limit",
            "options": dict(comparison.options),
            "train_options": dict(comparison.train_options),
            "evaluate_options": dict(comparison.evaluate_options),
            "baseline": comparison.baseline,
            "comparison": comparison.name,
        }
        tags = {key: str(without_paths(value))[:_LONGEST] for key, value in settings.items()}
        note = f"{str(without_paths(comparison.note))[:_LONGEST]}\n\n" if comparison.note else ""
        commit = source_commit()
        return {
            **tags,
            **({"mlflow.source.git.commit": commit} if commit else {}),
            "mlflow.source.name": "fundus-mtl compare",
            "mlflow.source.type": "LOCAL",
            "mlflow.note.content": f"{note}{_NOTE}",
            "fundus_mtl_version": VERSION,
        }

    def close_training(self, folder: Path, status: str) -> None:
        """Set the status of a training's run if the training was killed before it could do so itself.

        Args:
            folder: output folder of the training.
            status: status for MLflow, such as ``KILLED``.
        """
        try:
            with tracking_errors():
                if (run := self.of_folder(folder)) is not None and run.info.status == "RUNNING":
                    self.client.set_terminated(run.info.run_id, status)
        except TrackingError as error:  # must not fail the training
            _logger.warning("the status of a run could not be set in MLflow: %s", error.code)

    def of_folder(self, folder: Path) -> Any:
        """Return the MLflow run that is noted in a folder; None if there is none."""
        run_id = read_run_file(folder)
        return None if run_id is None else find_run(self.client, run_id)

    def history(self, run_id: str, metric: str) -> list[tuple[int, float]]:
        """Return a metric's steps and values, ordered by step."""
        return sorted((entry.step, entry.value) for entry in self.client.get_metric_history(run_id, metric))

    def log(self, files: Mapping[str, Path], metrics: Mapping[str, float], tags: Mapping[str, str]) -> None:
        """Log metrics and tags, and files by their names in the run, such as ``figures/roc.png``."""
        log_records(self.client, self.run_id, metric_records(scalars(metrics), 0))
        set_tags(self.client, self.run_id, tags)
        for name, path in files.items():
            folder = PurePosixPath(name).parent.as_posix()
            self.client.log_artifact(self.run_id, str(path), None if folder == "." else folder)

    def close(self, status: str) -> None:
        """Set the status of the run."""
        self.client.set_terminated(self.run_id, status)
        close_client(self.client)
