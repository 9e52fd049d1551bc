"""One training of a comparison: its settings, its folder, and the two commands that run it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fundus_mtl.comparison._data_note import DATA_ITEMS, note_data
from fundus_mtl.files import file_sha256, json_sha256
from fundus_mtl.workflow import files_of, first_part, items_of, lists_of

_START = "initialize"  # item of a bundle that lists the first steps of a training


@dataclass(frozen=True)
class Training:
    """A network to train and to evaluate.

    Args:
        method: name of the method, a row of the table.
        fold: number of the fold; None for the split of the datalist.
        seed: seed of the initial weights and of the order of the data.
        network: name that distinguishes the networks of one method, fold and seed, such as a task; usually empty.
        folder: folder of the results.
        train_args: args file of the training.
        evaluate_args: args file of the evaluation; None for a training that is only validated.
        train_overlays: overlays of the training.
        evaluate_overlays: overlays of the evaluation.
        train_options: values by item, for the training.
        evaluate_options: values by item, for the evaluation.
        tags: tags of the MLflow run.
        chosen: values that a search has chosen; they are part of the options too.
    """

    method: str
    fold: int | None
    seed: int
    network: str
    folder: Path
    train_args: Path
    evaluate_args: Path | None
    train_overlays: tuple[Path, ...]
    evaluate_overlays: tuple[Path, ...] = ()
    train_options: Mapping[str, Any] = field(default_factory=dict)
    evaluate_options: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    chosen: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name for people, and of the MLflow run."""
        fold = "" if self.fold is None else f"fold {self.fold}"
        return " ".join(word for word in (self.method, self.network, fold, f"seed {self.seed}") if word)

    @property
    def trained_digest(self) -> str:
        """SHA-256 of everything that determines the network: options, content of configs and overlays; not the device."""
        files = [file_sha256(path) for path in (*files_of(self.train_args), *self.train_overlays)]
        key = [self.method, self.fold, self.seed, self.network, self.train_args.parents[1].name, files]
        return json_sha256([*key, dict(self.train_options)])

    @property
    def digest(self) -> str:
        """SHA-256 of everything that determines the result: `trained_digest`, and the same of the evaluation."""
        configs = [] if self.evaluate_args is None else files_of(self.evaluate_args)
        files = [file_sha256(path) for path in (*configs, *self.evaluate_overlays)]
        return json_sha256([self.trained_digest, files, dict(self.evaluate_options)])

    def with_chosen(self, chosen: Mapping[str, Any]) -> Training:
        """Return the training with the values of a search; the evaluation gets those that it has too, such as a size."""
        known = set() if self.evaluate_args is None else items_of(self.evaluate_args)
        shared = {item: value for item, value in chosen.items() if first_part(item) in known}
        return replace(
            self,
            chosen=dict(chosen),
            train_options={**self.train_options, **chosen},
            evaluate_options={**self.evaluate_options, **shared},
        )


@dataclass(frozen=True)
class Place:
    """Where a training runs, and its parent run; both do not affect the result.

    Args:
        tracking_uri: address of MLflow.
        experiment: name of the experiment in MLflow.
        parent: id of the comparison's run.
        device: device such as ``cuda:1``; None for the bundle's default.
    """

    tracking_uri: str
    experiment: str
    parent: str
    device: str | None = None

    def options(self) -> dict[str, Any]:
        """Return the options of both commands."""
        device = {} if self.device is None else {"device": f"$torch.device({self.device!r})"}
        return {"tracking_uri": self.tracking_uri, **device}


def train_command(training: Training, place: Place, resume: bool) -> list[str]:
    """Return the command that trains."""
    numbers = {} if training.fold is None else {"fold": training.fold}
    options = {**training.train_options, **numbers, **place.options()}
    options |= {"seed": training.seed, "output_dir": str(training.folder), "method": training.method}
    options |= {"experiment_name": place.experiment, "run_name": training.name}
    options |= {"mlflow_run::parent_run_id": place.parent, "+mlflow_run::tags": dict(training.tags)}
    if training.chosen:
        options["+mlflow_run::params"] = {"chosen": dict(training.chosen)}
    options |= {"resume_from": "latest"} if resume else {}
    return _command(training.train_args, training.train_overlays, options | _data_note(training.train_args))


def _data_note(args: Path) -> dict[str, Any]:
    """Return the option that makes the training note its data files, after everything else that it initializes."""
    known = [f"@{item}" for item in DATA_ITEMS if item in items_of(args)]
    if not known or _START not in lists_of(args):
        return {}
    return {f"+{_START}": [{"_target_": f"{note_data.__module__}.note_data", "folder": "@output_dir", "files": known}]}


def evaluate_command(training: Training, place: Place) -> list[str]:
    """Return the command that evaluates."""
    assert training.evaluate_args is not None
    numbers = {} if training.fold is None else {"fold": training.fold}
    options = {**training.evaluate_options, **numbers, **place.options()}
    options |= {"seed": training.seed, "output_dir": str(training.folder)}
    return _command(training.evaluate_args, training.evaluate_overlays, options)


def _command(args: Path, overlays: Sequence[Path], options: Mapping[str, Any]) -> list[str]:
    """Return a command with values as Python literals, because the stock command would convert other text by its look."""
    files = [f"--overlay={[str(path) for path in overlays]!r}"] if overlays else []
    given = [f"--{key}={value!r}" for key, value in options.items()]
    return [sys.executable, "-m", "monai.bundle", "run", "--args_file", str(args), *files, *given]
