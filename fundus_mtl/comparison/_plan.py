"""The list of a comparison's trainings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fundus_mtl.comparison._definition import Comparison, Method
from fundus_mtl.comparison._training import Training
from fundus_mtl.workflow import Bundle, find_bundle, shared_items


def plan(comparison: Comparison) -> list[Training]:
    """List the trainings, ordered by seed before method, so that early results cover all methods.

    Raises:
        FileNotFoundError: if a file that the comparison names does not exist.
    """
    bundle = find_bundle(comparison.bundle, comparison.folder)
    return [
        training
        for seed in comparison.seeds
        for fold in comparison.folds
        for method in comparison.methods
        for training in _networks(comparison, bundle, method, fold, seed)
    ]


def search_training(comparison: Comparison, method: Method, values: Mapping[str, Any], folder: Path) -> Training:
    """Return the training of a trial: on the first fold and seed, and without evaluation on the test data."""
    assert comparison.search is not None
    bundle = find_bundle(comparison.bundle, comparison.folder)
    training = _networks(comparison, bundle, method, comparison.folds[0], comparison.seeds[0])[0]
    epochs = {} if comparison.search.epochs is None else {"max_epochs": comparison.search.epochs}
    return replace(
        training,
        network=f"search {folder.name}",
        folder=folder,
        evaluate_args=None,
        evaluate_overlays=(),
        evaluate_options={},
        train_options={**training.train_options, **values, **epochs},
        tags={**training.tags, "stage": "search"},
    )


def _networks(comparison: Comparison, bundle: Bundle, method: Method, fold: int | None, seed: int) -> list[Training]:
    """List the networks of one method, fold and seed: one, or one per task."""
    names = method.task_names
    if method.name != comparison.single_task:
        return [_training(comparison, bundle, method, fold, seed, "", names)]
    return [
        _training(comparison, bundle, method, fold, seed, task, (task,)) for task in names or tuple(comparison.tasks)
    ]


def _training(
    comparison: Comparison,
    bundle: Bundle,
    method: Method,
    fold: int | None,
    seed: int,
    network: str,
    task_names: tuple[str, ...] | None,
) -> Training:
    own = bundle.method_overlay(method.overlay)
    overlays = tuple(bundle.overlay(name) for name in (*comparison.overlay, *method.overlays))
    train_overlays = tuple(bundle.overlay(name) for name in comparison.train_overlay)
    both = {**comparison.options, **method.options}
    both |= {} if task_names is None else {"task_names": list(task_names)}
    budget = {"max_epochs": comparison.budget.epochs, "max_minutes": comparison.budget.minutes}
    limits = {key: value for key, value in budget.items() if value is not None}
    parts = [method.name, "all" if fold is None else f"fold{fold}", f"seed{seed}", *([network] if network else [])]
    tags = {"stage": "comparison", "comparison": comparison.name, "fold": fold, "network": network or None}
    return Training(
        method=method.name,
        fold=fold,
        seed=seed,
        network=network,
        folder=comparison.output_dir.joinpath(*parts),
        train_args=bundle.train_args,
        evaluate_args=bundle.evaluate_args,
        train_overlays=(*overlays, *train_overlays, own),
        evaluate_overlays=overlays,
        train_options={**both, **comparison.train_options, **limits, **method.train_options},
        evaluate_options={**shared_items(bundle.evaluate_args, own), **both, **comparison.evaluate_options},
        tags={key: str(value) for key, value in tags.items() if value is not None},
    )
