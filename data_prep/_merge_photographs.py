"""All that the lists have about one photograph, as one item."""

from __future__ import annotations

from collections.abc import Sequence

from ._merge_sections import SECTIONS, Photograph
from ._merge_sources import Record
from ._same_photograph import same_photographs
from ._upright_size import upright_size


def join_photographs(
    records: Sequence[Record], fill: Sequence[Record], replace: Sequence[Record], tasks: Sequence[str]
) -> list[Photograph]:
    """Return one item per photograph that has a label of some task.

    Args:
        records: Photographs of the sources, in order of preference.
        fill: Copies whose labels are added where there is none.
        replace: Copies whose labels come first.
        tasks: Labels to keep.

    Raises:
        ValueError: if numbers of one photograph contradict each other.
    """
    everything = [*records, *fill, *replace]
    copies: list[list[list[Record]]] = [[[], [], []] for _ in everything]
    for position, first in enumerate(same_photographs([record.image for record in everything])):
        kind = 0 if position < len(records) else 1 if position < len(records) + len(fill) else 2
        copies[first][kind].append(everything[position])
    joined = [_join(own, added, preferred, tasks) for own, added, preferred in copies if own]
    return [photograph for photograph in joined if any(task in photograph.item for task in tasks)]


def _join(own: Sequence[Record], fill: Sequence[Record], replace: Sequence[Record], tasks: Sequence[str]) -> Photograph:
    main = own[0]
    given: dict[str, Record] = {}  # whose label of a task is taken
    for record in (*replace, *own, *fill):
        for task in tasks:
            if _usable(record, main, task):
                first = given.setdefault(task, record)
                if first in own and record in own:
                    _check_agreement(first, record, task)
    item = {"id": f"{main.source}_{main.item['id']}", "image": main.item["image"]}
    item |= {key: main.item[key] for key in ("laterality",) if key in main.item}
    item |= {"source": main.source}
    if cameras := [record.item["camera"] for record in own if "camera" in record.item]:
        item["camera"] = cameras[0]
    item |= {task: record.item[task] for task, record in given.items()}
    elsewhere = {task: record.source for task, record in given.items() if record.source != main.source}
    patients = dict.fromkeys(record.item["patient"] for record in own if "patient" in record.item)
    section = max((record.section for record in own), key=SECTIONS.index)
    return Photograph(item | ({"label_sources": elsewhere} if elsewhere else {}), section, list(patients))


def _usable(record: Record, main: Record, task: str) -> bool:
    """Whether a record has a label that is valid for the main copy: pixels only count on the same grid."""
    label = record.item.get(task)
    if label is None or record.image == main.image or isinstance(label, int | float):
        return label is not None
    sizes = [upright_size(r.image, r.item["id"], "photograph") for r in (record, main)]
    return sizes[0] == sizes[1]


def _check_agreement(first: Record, record: Record, task: str) -> None:
    """Refuse two classes or scores of one photograph; outlines and points of two people may differ."""
    known, label = first.item[task], record.item[task]
    if isinstance(label, int | float) and label != known:
        raise ValueError(
            f"{record.item['id']} of {record.source}: expected {task} {known}, as {first.item['id']} of {first.source} has it "
            f"for the same photograph, but got {label}; correct one of the two."
        )
