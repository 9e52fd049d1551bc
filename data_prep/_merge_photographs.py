"""All that the lists have about one photograph, as one item."""

from __future__ import annotations

from collections.abc import Sequence

from ._merge_sections import SECTIONS, Photograph
from ._merge_sources import Record
from ._same_photograph import same_photographs
from ._upright_size import upright_size


def join_photographs(records: Sequence[Record], fill: Sequence[Record], tasks: Sequence[str]) -> list[Photograph]:
    """Return one item per photograph that has a label of some task.

    Args:
        records: Photographs of the sources, in order of preference.
        fill: Copies whose labels are added where no person gave one.
        tasks: Labels to keep.

    Raises:
        ValueError: if numbers of one photograph contradict each other.
    """
    everything = [*records, *fill]
    copies: list[tuple[list[Record], list[Record]]] = [([], []) for _ in everything]
    for position, first in enumerate(same_photographs([record.image for record in everything])):
        copies[first][position >= len(records)].append(everything[position])
    joined = [_join(own, added, tasks) for own, added in copies if own]
    return [photograph for photograph in joined if any(task in photograph.item for task in tasks)]


def _join(own: Sequence[Record], fill: Sequence[Record], tasks: Sequence[str]) -> Photograph:
    main = own[0]
    section = max((record.section for record in own), key=SECTIONS.index)
    given = {task: record for task in tasks if (record := _giver(task, own, fill, section)) is not None}
    item = {"id": f"{main.source}_{main.item['id']}", "image": main.item["image"], "source": main.source}
    for key in ("camera", "laterality"):
        if found := [record.item[key] for record in own if key in record.item]:
            item[key] = found[0]
    item |= {task: record.item[task] for task, record in given.items()}
    makers = {task: _maker(task, record, main) for task, record in given.items()}
    if others := {task: maker for task, maker in makers.items() if maker is not None}:
        item["label_sources"] = others
    patients = dict.fromkeys(record.item["patient"] for record in own if "patient" in record.item)
    return Photograph(item, section, list(patients))


def _giver(task: str, own: Sequence[Record], fill: Sequence[Record], section: str) -> Record | None:
    """Return the record whose label is taken: a person's, then one that is filled in, then the source's derived one.

    Filled-in labels that are derived themselves, such as those of networks, are no truth to test on.
    """
    labelled = [record for record in own if _usable(record, own[0], task)]
    for record in labelled[1:]:
        _check_agreement(labelled[0], record, task)
    people = [record for record in labelled if not _derived(record, task)]
    filled = [record for record in fill if _usable(record, own[0], task)]
    if section == "testing":
        filled = [record for record in filled if not _derived(record, task)]
    return next(iter([*people, *filled, *labelled]), None)


def _derived(record: Record, task: str) -> bool:
    return task in record.item.get("label_sources", {})


def _maker(task: str, record: Record, main: Record) -> str | None:
    """Return where a label comes from; None if a person of the item's own source gave it."""
    maker = record.item.get("label_sources", {}).get(task)
    if record.source == main.source:
        return maker
    return f"{record.source}: {maker}" if maker else record.source


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
            f"{record.item['id']} of {record.source}: expected {task} {known}, as {first.item['id']} of {first.source} has "
            f"it for the same photograph, but got {label}; correct one of the two."
        )
