"""Validation rules of datalists."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

_logger = logging.getLogger(__name__)
SECTIONS = ("training", "validation", "testing")
# Keys in addition to the tasks. `label_sources` contains, per task, the list that a label comes from if it is not the
# item's own source.
ITEM_KEYS = ("id", "image", "patient", "fold", "source", "camera", "laterality", "label_sources")


def check_datalist(document: Mapping[str, Any]) -> None:
    """Check a datalist for unknown and missing keys, repeated ids, invalid points, and patients in two splits or folds.

    Raises:
        ValueError: if a rule is violated; the message names the item.
    """
    missing = {"name", "licence", "source", "tasks", *SECTIONS} - set(document)
    if missing:
        raise ValueError(f"Datalist: expected the keys {sorted(missing)}, but got none of them.")
    known = {*ITEM_KEYS, *document["tasks"]}
    for section in SECTIONS:
        for item in document[section]:
            _check_item(item, known)
    everything = [item for section in SECTIONS for item in document[section]]
    repeated = [name for name, count in Counter(item["id"] for item in everything).items() if count > 1]
    if repeated:
        raise ValueError(
            f"{repeated[0]}: expected unique ids, but got this id more than once; rename one of the items."
        )
    _check_patients(document)


def with_labels(labels: Sequence[str], items: list[dict[str, Any]], where: str) -> list[dict[str, Any]]:
    """Return the items that have all given labels, and log the others."""
    kept = [item for item in items if all(item.get(label) is not None for label in labels)]
    if len(kept) < len(items):
        names = [item["id"] for item in items if item not in kept]
        listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        _logger.warning(
            "%s: skipped %d of %d items, which have no %s: %s", where, len(names), len(items), ", ".join(labels), listed
        )
    return kept


def _check_item(item: Mapping[str, Any], known: set[str]) -> None:
    name = item.get("id", "an item without id")
    if not {"id", "image"} <= set(item):
        raise ValueError(f"{name}: expected the keys id and image, but got {sorted(item)}.")
    if unknown := set(item) - known:
        raise ValueError(
            f"{name}: expected keys among {sorted(known)}, but got {sorted(unknown)}; list new tasks in `tasks`."
        )
    for key, value in item.items():
        if isinstance(value, list | tuple) and not (len(value) == 2 and all(_finite(number) for number in value)):
            raise ValueError(
                f"{name}: expected {key} as [x, y] in native px, but got {value}; leave the key out if it is missing."
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(
                f"{name}: expected a number for {key}, but got {value}; leave the key out if it is missing."
            )


def _finite(number: Any) -> bool:
    return isinstance(number, int | float) and math.isfinite(number)


def _check_patients(document: Mapping[str, Any]) -> None:
    """Check that all photographs of a patient are in one split: both eyes are alike, so labels would leak."""
    places: dict[str, tuple[Any, ...]] = {}
    for section in SECTIONS:
        for item in document[section]:
            if "patient" in item:
                place = (section, item.get("fold"))
                if places.setdefault(item["patient"], place) != place:
                    raise ValueError(
                        f"{item['id']}: expected all photographs of a patient in one split and fold, but got this one "
                        f"elsewhere; move it to {' fold '.join(str(p) for p in places[item['patient']] if p is not None)}."
                    )
