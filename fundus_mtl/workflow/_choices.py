"""Items of a configuration that are chosen from a few values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fundus_mtl.workflow._error import RefusedError

AXES = (0, 1)  # of a photograph: rows, columns


def check_choices(config: Mapping[str, Any]) -> None:
    """Refuse tasks that the table of tasks does not have, and axes that a photograph does not have.

    Args:
        config: Merged configuration; expressions and absent items are not checked.

    Raises:
        RefusedError: For the first such item.
    """
    table, names = config.get("task_table"), config.get("task_names")
    if isinstance(table, Mapping) and isinstance(names, list):
        _check_list("task_names", names, list(table))
    if isinstance(axes := config.get("flip_axes"), list) and axes:
        _check_list("flip_axes", axes, list(AXES))
    for axes in views if isinstance(views := config.get("flips"), list) else ():
        if not isinstance(axes, list):
            raise RefusedError(f"flips: expected a list of lists of axes, such as [[1], [0]], but got {views}.")
        _check_list("flips", axes, list(AXES))


def _check_list(item: str, given: list[Any], known: list[Any]) -> None:
    """Refuse an empty list, an entry that is not known, and one that occurs twice."""
    wrong = [entry for entry in given if isinstance(entry, bool) or entry not in known]
    if not given or wrong or any(given.count(entry) > 1 for entry in given):
        raise RefusedError(f"{item}: expected some of {', '.join(map(str, known))}, each once, but got {given}.")
