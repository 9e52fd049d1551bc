"""The datalists that are merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fundus_mtl.data import load_datalist

from ._merge_sections import SECTIONS


@dataclass(frozen=True)
class Record:
    """One photograph as one list has it."""

    source: str  # name of the list
    section: str
    item: dict[str, Any]  # its paths absolute

    @property
    def image(self) -> Path:
        """Path of the photograph."""
        return Path(self.item["image"])


@dataclass
class Sources:
    """All photographs of some lists, and what their heads say. The dictionaries keep the order and drop repetitions."""

    records: list[Record] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    licences: dict[str, None] = field(default_factory=dict)
    credits: dict[str, None] = field(default_factory=dict)


def read_sources(lists: Mapping[str, Path], place: Mapping[str, str], camera: Mapping[str, str]) -> Sources:
    """Read datalists.

    Args:
        lists: Files by the name of their source.
        place: Section of all photographs of a source, where it is not the list's own.
        camera: Camera of the photographs of a source whose items name none.

    Raises:
        FileNotFoundError: if a datalist, or a file that it names, is not there.
        ValueError: if a datalist breaks a rule, or a source or section is unknown.
    """
    for option, given in (("place", place), ("camera", camera)):
        if unknown := sorted(set(given) - set(lists)):
            raise ValueError(f"{option}: expected names among {sorted(lists)}, but got {unknown[0]!r}.")
    if wrong := sorted(set(place.values()) - set(SECTIONS)):
        raise ValueError(f"place: expected a section among {SECTIONS}, but got {wrong[0]!r}.")
    found = Sources()
    for source, path in lists.items():
        document = load_datalist(path)
        found.tasks += [task for task in document["tasks"] if task not in found.tasks]
        found.licences |= {f"{source}: {document['licence']}": None}
        found.credits |= {f"{source}: {document['source']}": None}
        for section in SECTIONS:
            for item in document[section]:
                named = {"camera": camera[source]} | item if source in camera else item
                found.records.append(Record(source, place.get(source, section), named))
    return found
