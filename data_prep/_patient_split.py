"""A split into training, validation and testing in which a patient's photographs stay together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from fundus_mtl.data import assign_folds

Item = dict[str, Any]
FOLDS = 10
_SECTION = {0: "validation", 1: "testing", 2: "testing"}  # the other folds train


def split_by_patient(items: Sequence[Item], seed: int, stratify: Sequence[str] = ()) -> dict[str, list[Item]]:
    """Divide items into about 70 % training, 10 % validation and 20 % testing.

    Args:
        items: Items with ``patient``.
        seed: Seed of the draw.
        stratify: Keys whose joint value is about as frequent in each section.

    Raises:
        ValueError: if there are fewer patients, or fewer photographs of a stratum, than ten.
    """
    patients = len({item["patient"] for item in items})
    if patients < FOLDS:
        raise ValueError(f"Split: expected at least {FOLDS} patients, but got {patients}; unpack the whole data set.")
    sections: dict[str, list[Item]] = {"training": [], "validation": [], "testing": []}
    for item in assign_folds(items, folds=FOLDS, seed=seed, stratify=stratify):
        sections[_SECTION.get(item.pop("fold"), "training")].append(item)
    return sections


def table(document: Mapping[str, Any]) -> str:
    """Return one line per section: photographs, patients, and how many have each label."""
    lines = []
    for section in ("training", "validation", "testing"):
        items = document[section]
        labels = Counter(task for item in items for task in document["tasks"] if task in item)
        patients = len({item["patient"] for item in items if "patient" in item})
        parts = ", ".join(f"{labels[task]} {task}" for task in document["tasks"])
        people = f" of {patients} patients" if patients else ""
        lines.append(f"{section:<10}  {len(items):>5} photographs{people}: {parts}")
    return "\n".join(lines)
