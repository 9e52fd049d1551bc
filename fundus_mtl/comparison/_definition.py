"""The definition of a comparison as frozen records, which are read from a YAML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from fundus_mtl.suggestions import did_you_mean

Direction = Literal["higher", "lower"]
Options = Mapping[str, Any]


@dataclass(frozen=True)
class Method:
    """A method, a row of the table.

    Args:
        name: name of the row.
        overlay: overlay of ``bundles/methods``, by name, or a file; by default the name of the row.
        overlays: further overlays of training and evaluation, before the method's, such as an architecture.
        options: options of training and evaluation.
        train_options: options of the training only.
        task_names: tasks to train; None for those of the bundle. The method ``single_task`` of a comparison trains a
            network for each of them.
    """

    name: str
    overlay: str = ""
    overlays: tuple[str, ...] = ()
    options: Options = field(default_factory=dict)
    train_options: Options = field(default_factory=dict)
    task_names: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Budget:
    """The limits of each training.

    Args:
        epochs: number of epochs; None for the bundle's default.
        minutes: limit in minutes of training and validation; the training ends at the first validated epoch after it. None
            for no limit.
    """

    epochs: int | None = None
    minutes: float | None = None


@dataclass(frozen=True)
class Search:
    """A search of options with Optuna, separately for each method.

    Args:
        trials: number of trainings per method.
        space: Range by option: ``{low, high, log, step}`` (integers are drawn if low and high are integers) or
            ``{choices: [...]}``. With choices only, the combinations are tried in order, one per trial.
        epochs: number of epochs of a trial; None for the bundle's default.
        metric: validation metric in the MLflow run; its best value over the epochs is used.
        direction: direction in which the metric improves.
        seed: seed of the sampler.
        methods: methods to search; by default all.
    """

    trials: int
    space: Mapping[str, Mapping[str, Any]]
    epochs: int | None = None
    metric: str = "val/score"
    direction: Direction = "higher"
    seed: int = 0
    methods: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Comparison:
    """Methods x folds x seeds on one bundle.

    Args:
        bundle: name of an installed bundle, or a path.
        methods: methods in the order of the table.
        metrics: The direction in which each metric improves, by its name in ``evaluation/summary.csv`` or in the MLflow
            run.
        folds: numbers of the folds; None for the split of the datalist.
        seeds: seeds of the initial weights and of the order of the data.
        overlay: overlays of training and evaluation: files of the bundle's ``configs/overlays``, of the folder of this
            file, or of the working folder.
        train_overlay: overlays of the training only.
        options: options of training and evaluation.
        train_options: options of the training only.
        evaluate_options: options of the evaluation only.
        tasks: metrics by task, for the changes against single-task training.
        baseline: method whose costs are the unit of the ratios; by default the first one.
        single_task: method that trains a network per task of `tasks`, in one row of the table.
        test_against: method that the others are tested against; None for the best one of each metric.
        workers: number of trainings that run at the same time.
        devices: devices such as ``[cpu]`` or ``[cuda:0, cuda:1]``, assigned in turn; empty for the bundle's default.
        threads: number of threads of each training; None divides the cores by the workers.
        budget: limits of each training.
        search: search of options before the trainings; None for no search.
        output_dir: folder of all results.
        tracking_uri: address of MLflow; by default a SQLite file in the output folder.
        experiment_name: name of the experiment in MLflow.
        panel_metrics: metrics for which pictures of cases are drawn; by default the first one of each task that
            ``per_case.csv`` has. Requires ``evaluate_options: {keep_cases: true}``.
        panel_method: method whose values order the cases of the pictures; None for the mean over all methods.
        log_cases: whether to send these pictures, which show photographs, to MLflow too.
        name: name of the comparison.
        note: text above the tables.
        folder: folder of the comparison's file, which is searched for overlays.
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
    panel_method: str | None = None
    log_cases: bool = False
    name: str = "comparison"
    note: str | None = None
    folder: Path = Path()


def refuse_unknown(given: Any, record: type, where: str) -> dict[str, Any]:
    """Return a copy of a dictionary whose keys are fields of a record.

    Args:
        given: value to check.
        record: dataclass with the allowed keys.
        where: place in the file, for the error message.

    Raises:
        ValueError: if it is not a dictionary, or has another key.
    """
    known = [entry.name for entry in fields(record) if entry.name != "folder"]
    if not isinstance(given, Mapping):
        raise ValueError(f"{where}: expected a dictionary with keys such as {known[0]}, but got {given!r}.")
    for key in given:
        if key not in known:
            advice = did_you_mean(str(key), known, f"; take one of {', '.join(known)}.")
            raise ValueError(f"{where}: expected known keys, but got {key}{advice}")
    return dict(given)
