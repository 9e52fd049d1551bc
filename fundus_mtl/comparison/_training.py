"""One training of a comparison: what it is, where it lives, and the two commands that make it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fundus_mtl.comparison._data_note import DATA_ITEMS, note_data
from fundus_mtl.files import file_sha256, json_sha256
from fundus_mtl.workflow import files_of, first_part, items_of, lists_of

_START = "initialize"  # the item of a bundle that lists what is done first


@dataclass(frozen=True)
class Training:
    """A network to train and to evaluate.

    Args:
        method: row of the table.
        fold: None for the datalist's own split.
        seed: of network and order.
        network: distinguishes the networks of one method, fold and seed, such as a task's name; mostly empty.
        folder: of its results.
        train_args: args file of the training.
        evaluate_args: args file of the evaluation; None for a training that is only validated.
        train_overlays: files.
        evaluate_overlays: files.
        train_options: item to value.
        evaluate_options: item to value.
        tags: of its MLflow run.
        chosen: values that a search has chosen, already among the options.
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
        """What people call it, and its run in MLflow."""
        fold = "" if self.fold is None else f"fold {self.fold}"
        return " ".join(word for word in (self.method, self.network, fold, f"seed {self.seed}") if word)

    @property
    def trained_digest(self) -> str:
        """SHA-256 of all that makes its network: options, the content of configs and overlays; not where it runs."""
        files = [file_sha256(path) for path in (*files_of(self.train_args), *self.train_overlays)]
        key = [self.method, self.fold, self.seed, self.network, self.train_args.parents[1].name, files]
        return json_sha256([*key, dict(self.train_options)])

    @property
    def digest(self) -> str:
        """SHA-256 of all that makes its result: `trained_digest`, and the same of the evaluation."""
        configs = [] if self.evaluate_args is None else files_of(self.evaluate_args)
        files = [file_sha256(path) for path in (*configs, *self.evaluate_overlays)]
        return json_sha256([self.trained_digest, files, dict(self.evaluate_options)])

    def with_chosen(self, chosen: Mapping[str, Any]) -> Training:
        """Return the training with what a search has found; the evaluation is told what it knows too, such as a size."""
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
    """Where a training runs and what it belongs to: changes nothing about its result.

    Args:
        tracking_uri: of MLflow.
        experiment: in MLflow.
        parent: id of the run of the comparison.
        device: such as ``cuda:1``; None for the bundle's own choice.
    """

    tracking_uri: str
    experiment: str
    parent: str
    device: str | None = None

    def options(self) -> dict[str, Any]:
        """Return the options that both commands get."""
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
    """Return what makes the training note its data files, last of all that it does before its first step."""
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
    """Write values as Python does: the stock command reads them so, and takes other text for what it looks like."""
    files = [f"--overlay={[str(path) for path in overlays]!r}"] if overlays else []
    given = [f"--{key}={value!r}" for key, value in options.items()]
    return [sys.executable, "-m", "monai.bundle", "run", "--args_file", str(args), *files, *given]
