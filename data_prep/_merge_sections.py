"""Sections of a merged datalist in which no patient stands twice."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ._same_photograph import linked

SECTIONS = ("training", "validation", "testing")  # the strictest last
_logger = logging.getLogger(__name__)


@dataclass
class Photograph:
    """An item, the strictest section of its copies, and every patient that they name."""

    item: dict[str, Any]
    section: str
    patients: list[str]


def separate(photographs: Sequence[Photograph]) -> dict[str, list[dict[str, Any]]]:
    """Return the items by section; those of a patient who is in a stricter section too are left out, with a warning.

    Patients who share a photograph become one, named as the first of them.
    """
    names = list(dict.fromkeys(name for photograph in photographs for name in photograph.patients))
    position = {name: index for index, name in enumerate(names)}
    pairs = [(position[p.patients[0]], position[name]) for p in photographs for name in p.patients]
    group = dict(zip(names, linked(len(names), pairs), strict=True))
    person = {number: name for name, number in reversed(group.items())}
    strictest: dict[int, str] = {}
    for photograph in photographs:
        for number in {group[name] for name in photograph.patients}:
            strictest[number] = max(strictest.get(number, SECTIONS[0]), photograph.section, key=SECTIONS.index)
    sections: dict[str, list[dict[str, Any]]] = {section: [] for section in SECTIONS}
    left_out = []
    for photograph in photographs:
        if not photograph.patients:
            sections[photograph.section].append(photograph.item)
            continue
        number = group[photograph.patients[0]]
        if strictest[number] == photograph.section:
            sections[photograph.section].append(photograph.item | {"patient": person[number]})
        else:
            left_out.append(photograph.item["id"])
    _warn(left_out)
    return sections


def table(document: Mapping[str, Any]) -> str:
    """Return one line per section and source: photographs, and how many have each label."""
    rows = [["section", "source", "photographs", *document["tasks"]]]
    for section in SECTIONS:
        for source, count in Counter(item["source"] for item in document[section]).items():
            items = [item for item in document[section] if item["source"] == source]
            labels = [sum(task in item for item in items) for task in document["tasks"]]
            rows.append([section, source, *map(str, (count, *labels))])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _warn(left_out: Sequence[str], shown: int = 5) -> None:
    if left_out:
        some = ", ".join(left_out[:shown]) + (", ..." if len(left_out) > shown else "")
        _logger.warning(
            "%d photographs left out, because their patient is in a stricter section: %s", len(left_out), some
        )
