"""What is compared: a YAML file, read into a frozen record, refused with a sentence where it makes no sense."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

Direction = Literal["higher", "lower"]
Options = Mapping[str, Any]


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Args:
        name: of the row.
        overlay: of ``bundles/methods``, by name, or a file; the name by default.
        options: of training and evaluation.
        train_options: of the training only.
        task_names: to train; None for the bundle's own. The method ``single_task`` of a comparison trains a network each.
    """

    name: str
    overlay: str = ""
    options: Options = field(default_factory=dict)
    train_options: Options = field(default_factory=dict)
    task_names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Budget:
    """What each training may use up.

    Args:
        epochs: None for the bundle's own.
        minutes: of training and validation; the training ends at the first validated epoch after them. None: no limit.
    """

    epochs: int | None = None
    minutes: float | None = None


@dataclass(frozen=True)
class Search:
    """A search of options by Optuna, for each method on its own.

    Args:
        trials: trainings per method.
        space: option to ``{low, high, log, step}`` (numbers; whole ones if low and high are) or ``{choices: [...]}``. With
            choices only, the combinations are tried one after the other, as many as there are trials.
        epochs: of a trial; None for the bundle's own.
        metric: of the training's validation, logged to MLflow; its best value over the epochs counts.
        direction: in which the metric improves.
        seed: of the sampler.
        methods: that are searched; all by default.
    """

    trials: int
    space: Mapping[str, Mapping[str, Any]]
    epochs: int | None = None
    metric: str = "val_score"
    direction: Direction = "higher"
    seed: int = 0
    methods: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Comparison:
    """A list of methods x folds x seeds on one bundle.

    Args:
        bundle: name of an installed bundle, or a path.
        methods: names of ``bundles/methods``, or `Method`.
        metrics: column of ``evaluation/summary.csv``, or a metric of the MLflow run, to its better direction.
        folds: None stands for the datalist's own split.
        seeds: of network and order.
        overlay: files for training and evaluation, in the bundle's ``configs/overlays``, beside this file or in
            the working folder.
        train_overlay: of the training only.
        options: of training and evaluation.
        train_options: of the training only.
        evaluate_options: of the evaluation only.
        tasks: the metrics of each task, for the changes against single-task training.
        baseline: method that costs are divided by; the first by default.
        single_task: method that trains a network per task of `tasks`, and counts as one row.
        workers: trainings at a time.
        devices: such as ``[cpu]`` or ``[cuda:0, cuda:1]``, handed round; none: the bundle's own choice.
        threads: of each training; None shares the cores among the workers.
        budget: of each training.
        search: of options, before the trainings.
        output_dir: of everything.
        tracking_uri: of MLflow; a SQLite file in the output folder by default.
        experiment_name: in MLflow.
        panel_metrics: those of `metrics` that the panels of cases are made for; by default the first of each task that
            ``per_case.csv`` has. Needs ``evaluate_options: {keep_cases: true}``.
        log_cases: send the panels of cases, which show photographs, to MLflow too.
        name: of the comparison.
        note: printed above the tables.
    """

    bundle: str
    methods: tuple[Method, ...]
    metrics: Mapping[str, Direction]
    folds: tuple[int | None, ...] = (None,)
    seeds: tuple[int, ...] = (0,)
    overlay: tuple[str, ...] = ()
    train_overlay: tuple[str, ...] = ()
    options: Options = field(default_factory=dict)
    train_options: Options = field(default_factory=dict)
    evaluate_options: Options = field(default_factory=dict)
    tasks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    baseline: str = ""
    single_task: str | None = None
    test_against: str | None = None
    workers: int = 1
    devices: tuple[str, ...] = ()
    threads: int | None = None
    budget: Budget = Budget()
    search: Search | None = None
    output_dir: Path = Path("runs/comparison")
    tracking_uri: str = ""
    experiment_name: str = "comparison"
    panel_metrics: tuple[str, ...] = ()
    log_cases: bool = False
    name: str = "comparison"
    note: str | None = None
    folder: Path = Path()


def refuse_unknown(given: Any, record: type, where: str) -> dict[str, Any]:
    """Return a dictionary whose keys are fields of a record.

    Raises:
        ValueError: if it is none, or has another key.
    """
    known = [entry.name for entry in fields(record) if entry.name != "folder"]
    if not isinstance(given, Mapping):
        raise ValueError(f"{where}: expected a dictionary with keys such as {known[0]}, but got {given!r}.")
    for key in given:
        if key not in known:
            close = get_close_matches(str(key), known, n=1)
            advice = f"did you mean {close[0]}?" if close else f"take one of {', '.join(known)}."
            raise ValueError(f"{where}: expected known keys, but got {key}; {advice}")
    return dict(given)
