"""Items of a configuration that are chosen from a few values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fundus_mtl.workflow._error import RefusedError

AXES = (0, 1)  # of a photograph: rows, columns
TEXTS = {
    "bundle_root": False,
    "ckpt_dir": False,
    "datalist": False,
    "dataset_dir": True,
    "experiment_name": False,
    "id_mode": False,
    "method": False,
    "model_id": False,
    "note": True,
    "output_dir": False,
    "registered_model": True,
    "results_dir": False,
    "section": False,
    "tracking_uri": True,
    "without_glaucoma": True,
}
"""Items that are texts, and whether null is allowed too."""


def check_choices(config: Mapping[str, Any]) -> None:
    """Refuse other values than texts for `TEXTS`, unknown tasks, and axes that a photograph does not have.

    Args:
        config: Merged configuration; expressions and absent items are not checked.

    Raises:
        RefusedError: For the first such item.
    """
    for item, optional in TEXTS.items():
        value = config.get(item, "")
        if not (isinstance(value, str) or (optional and value is None)):
            given = "null" if value is None else f"{value}"
            raise RefusedError(f"{item}: expected a text{', or null' if optional else ''}, but got {given}.")
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
