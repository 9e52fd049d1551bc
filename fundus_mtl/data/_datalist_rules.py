"""Validation rules of datalists that need no files."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fundus_mtl.data._datalist_labels import check_labels
from fundus_mtl.files import relative_name
from fundus_mtl.labels import read_eye

_logger = logging.getLogger(__name__)
SECTIONS = ("training", "validation", "testing")
# Keys in addition to the tasks. `label_sources` contains, per task, the list that a label comes from if it is not the
# item's own source.
ITEM_KEYS = ("id", "image", "patient", "fold", "source", "camera", "laterality", "label_sources")

Item = Mapping[str, Any]


def check_datalist(document: Any) -> None:
    """Check a datalist for unknown and missing keys, repeated ids, invalid labels, and patients in two splits or folds.

    Raises:
        ValueError: if a rule is violated; the message names the item.
    """
    _check_form(document)
    known = {*ITEM_KEYS, *document["tasks"]}
    names: dict[str, str] = {}
    for _, item in items_by_section(document):
        _check_item(item, known)
        if (name := relative_name(item["id"])) in names:
            other = "" if names[name] == item["id"] else f" (the other is written {names[name]})"
            raise ValueError(
                f"{item['id']}: expected unique ids, but got this id more than once{other}; rename one of the items."
            )
        names[name] = item["id"]
    for task in document["tasks"]:
        labelled = [item for _, item in items_by_section(document) if item.get(task) is not None]
        check_labels(task, [(item["id"], item[task]) for item in labelled])
    _check_patients(document)


def items_by_section(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the section and the item of every photograph."""
    for section in SECTIONS:
        for item in document[section]:
            yield section, item


def place_of(section: str, item: Item) -> str:
    """Return the split and fold of an item, such as ``training fold 1``."""
    return section if item.get("fold") is None else f"{section} fold {item['fold']}"


def patient_of(item: Item) -> str | None:
    """Return one spelling of an item's patient, None if unknown: 7, ``"7"``, ``"7.0"`` and ``" 007"`` are the same.

    A spreadsheet changes numbers that way. Equal spellings of two patients cost a refused split, which a person can mend;
    two spellings of one patient would be a hidden leak.
    """
    if item.get("patient") is None:
        return None
    word = unicodedata.normalize("NFKC", str(item["patient"])).strip().casefold()
    return number[1] if (number := re.fullmatch(r"0*(\d+)(?:\.0*)?", word)) else word


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


def _check_form(document: Any) -> None:
    if not isinstance(document, Mapping):
        raise ValueError(f"Datalist: expected an object with keys, but got {_kind(document)}; make it with data_prep.")
    if missing := {"name", "licence", "source", "tasks", *SECTIONS} - set(document):
        raise ValueError(
            f"Datalist: expected the keys {sorted(missing)}, but got none of them; make it with data_prep."
        )
    for key in ("tasks", *SECTIONS):
        kind, many = (str, "texts") if key == "tasks" else (Mapping, "objects with keys")
        value = document[key]
        if not isinstance(value, Sequence) or isinstance(value, str) or not all(isinstance(v, kind) for v in value):
            raise ValueError(f"Datalist: expected {key} as a list of {many}, but got {_kind(value)}; correct it.")
    if taken := set(document["tasks"]) & set(ITEM_KEYS):
        raise ValueError(f"Datalist: expected tasks with other names than {sorted(taken)}; rename them.")


def _check_item(item: Item, known: set[str]) -> None:
    name = item.get("id", "an item without id")
    if not {"id", "image"} <= set(item):
        raise ValueError(f"{name}: expected the keys id and image, but got {sorted(item)}; add the missing ones.")
    if unknown := set(item) - known:
        raise ValueError(
            f"{name}: expected keys among {sorted(known)}, but got {sorted(unknown)}; list new tasks in `tasks`."
        )
    for key in ("id", "image"):
        if not isinstance(item[key], str) or not item[key].strip() or "\0" in item[key]:
            raise ValueError(f"{name}: expected {key} as text, but got {item[key]!r}; write it in quotes.")
    try:
        relative_name(name)
        read_eye("" if item.get("laterality") is None else item["laterality"])
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    patient, fold = item.get("patient"), item.get("fold", 0)
    if not isinstance(patient, str | int | float | None) or isinstance(patient, bool) or patient_of(item) == "":
        raise ValueError(
            f"{name}: expected a patient's number or pseudonym, but got {patient!r}; leave the key out if unknown."
        )
    if not isinstance(fold, int) or isinstance(fold, bool) or fold < 0:
        raise ValueError(f"{name}: expected fold as a number 0, 1, 2, ..., but got {fold!r}; correct it.")


def _check_patients(document: Mapping[str, Any]) -> None:
    """Check that all photographs of a patient are in one split: both eyes are alike, so labels would leak."""
    places: dict[str, str] = {}
    for section, item in items_by_section(document):
        if (patient := patient_of(item)) is not None:
            place = place_of(section, item)
            if (first := places.setdefault(patient, place)) != place:
                raise ValueError(
                    f"{item['id']}: expected all photographs of a patient in one split and fold, but got this one "
                    f"elsewhere; move it to {first}."
                )


def _kind(value: Any) -> str:
    return f"a list of {len(value)}" if isinstance(value, list) else type(value).__name__
