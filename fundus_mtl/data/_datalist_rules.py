"""Validation rules of datalists that need no files."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from fundus_mtl.data._datalist_labels import label_faults
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
    for fault in datalist_faults(document):
        raise fault


def datalist_faults(document: Any) -> Iterator[ValueError]:
    """Yield what is wrong with a datalist, as far as no file is needed: what `check_datalist` raises, and what follows.

    A list without the right keys at its top has that fault only. An item whose own keys are wrong has that fault only.
    """
    if (fault := fault_of(check_form, document)) is not None:
        yield fault
        return
    known = {*ITEM_KEYS, *document["tasks"]}
    names: dict[str, str] = {}
    whole = []
    for section, item in items_by_section(document):
        if (fault := fault_of(check_item, item, known) or fault_of(_check_name, item, names)) is not None:
            yield fault
        else:
            whole.append((section, item))
    for task in document["tasks"]:
        yield from label_faults(task, [(item["id"], item[task]) for _, item in whole if item.get(task) is not None])
    yield from _patient_faults(whole)


def fault_of(check: Callable[..., Any], *given: Any) -> ValueError | None:
    """Return the ``ValueError`` of a check; None if it raises none."""
    try:
        check(*given)
    except ValueError as fault:
        return fault
    return None


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
    whole = [all(item.get(label) is not None for label in labels) for item in items]
    kept = [item for item, has_all in zip(items, whole, strict=True) if has_all]
    if len(kept) < len(items):
        names = [item["id"] for item, has_all in zip(items, whole, strict=True) if not has_all]
        listed = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        _logger.warning(
            "%s: skipped %d of %d items, which have no %s: %s", where, len(names), len(items), ", ".join(labels), listed
        )
    return kept


def check_form(document: Any) -> None:
    """Check the keys at the top of a datalist, and their kinds.

    Raises:
        ValueError: If one is missing or of another kind.
    """
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


def check_item(item: Item, known: set[str]) -> None:
    """Check the keys of one item, and the values of those that are no labels.

    Raises:
        ValueError: If one breaks a rule; the message names the item.
    """
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


def _check_name(item: Item, names: dict[str, str]) -> None:
    """Refuse an id that an item before has; add it to those that are known, with its spelling."""
    if (name := relative_name(item["id"])) in names:
        other = "" if names[name] == item["id"] else f" (the other is written {names[name]})"
        raise ValueError(
            f"{item['id']}: expected unique ids, but got this id more than once{other}; rename one of the items."
        )
    names[name] = item["id"]


def _patient_faults(items: Iterable[tuple[str, Item]]) -> Iterator[ValueError]:
    """Yield the photographs of a patient who is in another split too: both eyes are alike, so labels would leak."""
    places: dict[str, str] = {}
    for section, item in items:
        if (patient := patient_of(item)) is not None:
            place = place_of(section, item)
            if (first := places.setdefault(patient, place)) != place:
                yield ValueError(
                    f"{item['id']}: expected all photographs of a patient in one split and fold, but got this one "
                    f"elsewhere; move it to {first}."
                )


def _kind(value: Any) -> str:
    return f"a list of {len(value)}" if isinstance(value, list) else type(value).__name__
