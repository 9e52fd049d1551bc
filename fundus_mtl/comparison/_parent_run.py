"""The comparison's own MLflow run, and the runs of its trainings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from fundus_mtl.comparison._definition import Comparison

_logger = logging.getLogger(__name__)
_NOTE = "Research use only: not for any decision about a patient."
_LONGEST = 5000  # characters of a tag


class ComparisonRun:
    """A parent run in MLflow, gone on with when the comparison is called again.

    The store and the experiment are made here, before any training: two processes making their tables at once fail.

    Args:
        comparison: whose run it is.
    """

    def __init__(self, comparison: Comparison) -> None:
        from fundus_mtl.tracking import artifact_folder, open_client, read_run_file, write_run_file

        self.comparison = comparison
        self.client = open_client(comparison.tracking_uri)
        known = self.client.get_experiment_by_name(comparison.experiment_name)
        self.experiment_id = (
            known.experiment_id
            if known
            else self.client.create_experiment(
                comparison.experiment_name, artifact_location=artifact_folder(comparison.tracking_uri)
            )
        )
        run = self._find(read_run_file(comparison.output_dir)) or self._create()
        self.run_id = str(run.info.run_id)
        self.client.update_run(self.run_id, status="RUNNING")
        try:
            write_run_file(comparison.output_dir, comparison.experiment_name, self.run_id)
            self._tell(self._tags())
        except BaseException:
            self.close("FAILED")
            raise

    def _find(self, run_id: str | None) -> Any:
        from mlflow.exceptions import MlflowException

        try:
            return self.client.get_run(run_id) if run_id else None
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None

    def _create(self) -> Any:
        comparison = self.comparison
        bundle = Path(comparison.bundle).name
        name = f"compare {bundle} {comparison.name}"
        run = self.client.create_run(self.experiment_id, tags={"stage": "parent"}, run_name=name)
        self.client.log_param(run.info.run_id, "bundle", bundle)
        return run

    def _tags(self) -> dict[str, str]:
        """Return what is told of the comparison as it is now: tags, for it may grow, and MLflow's params never change."""
        from fundus_mtl import __version__
        from fundus_mtl.tracking import source_commit, without_paths

        comparison = self.comparison
        told = {
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
        tags = {key: str(without_paths(value))[:_LONGEST] for key, value in told.items()}
        commit = source_commit()
        return {
            **tags,
            **({"mlflow.source.git.commit": commit} if commit else {}),
            "mlflow.source.name": "fundus-mtl compare",
            "mlflow.source.type": "LOCAL",
            "mlflow.note.content": f"{str(without_paths(comparison.note))[:_LONGEST]}\n\n{_NOTE}"
            if comparison.note
            else _NOTE,
            "fundus_mtl_version": __version__,
        }

    def tidy(self, folder: Path, word: str) -> None:
        """Close a training's run that its process could not close itself, having been killed."""
        from mlflow.exceptions import MlflowException

        try:
            if (run := self.of_folder(folder)) is not None and run.info.status == "RUNNING":
                self.client.set_terminated(run.info.run_id, word)
        except MlflowException as error:  # the training itself is not to be lost over it
            _logger.warning("the status of a run could not be told to MLflow: %s", type(error).__name__)

    def of_folder(self, folder: Path) -> Any:
        """Return the MLflow run of a training; None if there is none."""
        from fundus_mtl.tracking import read_run_file

        return self._find(read_run_file(folder))

    def history(self, run_id: str, metric: str) -> list[tuple[int, float]]:
        """Return a metric's steps and values, by step."""
        return sorted((entry.step, entry.value) for entry in self.client.get_metric_history(run_id, metric))

    def log(self, files: Mapping[str, Path], metrics: Mapping[str, float], tags: Mapping[str, str]) -> None:
        """Add numbers and tags, and files by their names in the run, such as ``figures/roc.png``."""
        from fundus_mtl.tracking import log_records, metric_records, scalars

        log_records(self.client, self.run_id, metric_records(scalars(metrics), 0))
        self._tell(tags)
        for name, path in files.items():
            folder = PurePosixPath(name).parent.as_posix()
            self.client.log_artifact(self.run_id, str(path), None if folder == "." else folder)

    def _tell(self, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        self.client.log_batch(self.run_id, tags=[RunTag(key, value) for key, value in tags.items()])

    def close(self, status: str) -> None:
        """Give the run its status."""
        from fundus_mtl.tracking import close_client

        self.client.set_terminated(self.run_id, status)
        close_client(self.client)
