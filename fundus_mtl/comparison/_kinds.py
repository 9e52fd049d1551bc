"""The kinds and ranges of the values of a comparison's YAML file; YAML itself takes anything."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

_TEXTS = (
    *("bundle", "output_dir", "tracking_uri", "experiment_name", "name", "note"),
    *("baseline", "single_task", "test_against", "panel_method"),
)
_LISTS_OF_TEXTS = ("overlay", "train_overlay", "devices", "panel_metrics")
_COUNTS = ("workers", "threads")
_LARGEST = {"folds": 1000, "seeds": 2**32 - 1}
MOST = 1000
"""Most folds, seeds, workers, threads and trials: their product is the number of trainings."""


def check_kinds(given: Mapping[str, Any], where: str) -> None:
    """Check texts, lists of texts and yes or no.

    Args:
        given: Values by key; lists are tuples already.
        where: Name of the file, for messages.

    Raises:
        ValueError: If a value is of another kind.
    """
    for key in _TEXTS:
        if not isinstance(given.get(key), str | None):
            raise ValueError(f"{where}: {key}: expected a text, but got {given[key]!r}; write it in quotes.")
    for key in _LISTS_OF_TEXTS:
        if wrong := [entry for entry in given.get(key, ()) if not isinstance(entry, str)]:
            raise ValueError(f"{where}: {key}: expected texts, but got {wrong[0]!r}; write it in quotes.")
    for task, metrics in given.get("tasks", {}).items():
        if not isinstance(metrics, list | tuple):
            raise ValueError(f"{where}: tasks: {task}: expected a list of metrics, but got {metrics!r}.")
    if not isinstance(given.get("log_cases", False), bool):
        raise ValueError(f"{where}: log_cases: expected true or false, but got {given['log_cases']!r}.")


def check_numbers(given: Mapping[str, Any], where: str) -> None:
    """Check the numbers of workers and threads, and the folds and seeds; see `check_kinds`."""
    for key in _COUNTS:
        check_positive(given.get(key), int, f"{where}: {key}")
        if (given.get(key) or 0) > MOST:
            raise ValueError(f"{where}: {key}: expected at most {MOST}, but got {given[key]}.")
    for key, largest in _LARGEST.items():
        if key in given:
            _check_list(given[key], largest, optional=key == "folds", where=f"{where}: {key}")


def _check_list(values: tuple[Any, ...], largest: int, optional: bool, where: str) -> None:
    if not values or not all(_whole(value, largest) or (optional and value is None) for value in values):
        raise ValueError(f"{where}: expected whole numbers from 0 to {largest}, but got {list(values)[:10]}.")
    if len(values) > MOST:
        raise ValueError(f"{where}: expected at most {MOST} numbers, but got {len(values)}.")
    value, count = Counter(values).most_common(1)[0]
    if count > 1:
        raise ValueError(f"{where}: expected every number once, but got {value} several times.")


def _whole(value: Any, largest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= largest


def check_positive(value: Any, kind: Any, where: str) -> None:
    """Raise an error for anything but a positive, finite number; None is accepted, and means the default."""
    if value is None:
        return
    if not isinstance(value, kind) or isinstance(value, bool) or not 0 < value < math.inf:
        raise ValueError(f"{where}: expected a positive number, but got {value!r}.")
