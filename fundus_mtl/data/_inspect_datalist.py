"""All that is wrong with a datalist, instead of the first fault that a reader would raise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fundus_mtl.data._datalist import check_tasks, located, parsed_datalist
from fundus_mtl.data._datalist_labels import label_faults
from fundus_mtl.data._datalist_photographs import photograph_faults
from fundus_mtl.data._datalist_rules import (
    ITEM_KEYS,
    check_form,
    check_item,
    datalist_faults,
    fault_of,
    items_by_section,
)

Item = dict[str, Any]


class InspectedDatalist(NamedTuple):
    """A datalist, and all that is wrong with it.

    Args:
        tasks: Names of the tasks.
        items: Section and item of every photograph whose file exists; paths are absolute, and a label that breaks a rule or
            whose file does not exist is left out.
        faults: What a reader would refuse, one sentence each.
        notes: What only some uses refuse, such as a training with a task that has no label in the training section.
    """

    tasks: tuple[str, ...]
    items: tuple[tuple[str, Item], ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]


def inspect_datalist(path: str | Path) -> InspectedDatalist:
    """Return a datalist with everything that `load_datalist` and `read_datalist` refuse; no pixel is read.

    Args:
        path: JSON file; paths in it are relative to its folder.

    Raises:
        FileNotFoundError: if the datalist does not exist.
        ValueError: if it is not JSON.
    """
    path = Path(path)
    document = parsed_datalist(path)
    if (fault := fault_of(check_form, document)) is not None:
        return InspectedDatalist((), (), (str(fault),), ())
    faults = [str(fault) for fault in datalist_faults(document)]
    folder, tasks = path.parent.resolve(), tuple(document["tasks"])
    known = {*ITEM_KEYS, *tasks}
    items = []
    for section, item in items_by_section(document):
        if fault_of(check_item, item, known) is None:
            kept, lost = _with_files(_without_faulty_labels(item, tasks), tasks, folder)
            faults += lost
            items += [(section, kept)] if kept is not None else []
    faults += [str(fault) for fault in photograph_faults(items, folder)]
    notes = [str(note) for task in tasks if (note := fault_of(check_tasks, [task], document, path.name)) is not None]
    return InspectedDatalist(
        tasks, tuple((section, located(item, folder)) for section, item in items), tuple(faults), tuple(notes)
    )


def _without_faulty_labels(item: Item, tasks: Sequence[str]) -> Item:
    """Return an item without the labels that break a rule by themselves, which is a fault already."""
    faulty = {
        task for task in tasks if item.get(task) is not None and [*label_faults(task, [(item["id"], item[task])])]
    }
    return {key: value for key, value in item.items() if key not in faulty and value is not None}


def _with_files(item: Item, tasks: Sequence[str], folder: Path) -> tuple[Item | None, list[str]]:
    """Return an item without the labels that have no file or lie outside of the photograph, and a sentence for each.

    Without a photograph there is no item.
    """
    kept = {key: value for key, value in item.items() if key not in tasks}
    if (fault := _fault_of_files(kept, folder)) is not None:
        return None, [fault]
    faults = []
    for task in (task for task in tasks if task in item):
        if (fault := _fault_of_files({"id": item["id"], "image": item["image"], task: item[task]}, folder)) is None:
            kept[task] = item[task]
        else:
            faults.append(fault)
    return kept, faults


def _fault_of_files(item: Item, folder: Path) -> str | None:
    try:
        located(dict(item), folder)
    except (FileNotFoundError, ValueError) as fault:
        return str(fault)
    return None
