"""How many photographs, patients and labels the splits of a datalist have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from fundus_mtl.data import InspectedDatalist, patient_of
from fundus_mtl.files import printable

_MOST_CLASSES = 10


def coverage(found: InspectedDatalist) -> str:
    """Return a line per split (and source, if items name one), with the labels of each task; numbers with their classes."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for section, item in found.items:
        groups.setdefault((section, str(item.get("source", ""))), []).append(item)
    rows = [["split", "source", "photographs", "patients", *found.tasks]]
    for (section, source), items in groups.items():
        labels = [_labels([item[task] for item in items if task in item]) for task in found.tasks]
        rows.append([section, source or "-", str(len(items)), _patients(items), *labels])
    rows = [[printable(cell) for cell in row] for row in rows]  # names in a datalist may be from a stranger
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)


def _patients(items: Sequence[dict[str, Any]]) -> str:
    names = [patient_of(item) for item in items]
    unknown = names.count(None)
    return f"{len({*names} - {None})}" + (f" ({unknown} unknown)" if unknown else "")


def _labels(labels: Sequence[Any]) -> str:
    """Return how many labels there are, and for numbers how many of each class, or their range."""
    numbers = [float(label) for label in labels if isinstance(label, int | float)]
    if not numbers:
        return str(len(labels))
    counts = sorted(Counter(numbers).items())
    if len(counts) > _MOST_CLASSES or not all(value.is_integer() for value in numbers):
        return f"{len(numbers)} ({counts[0][0]:g} to {counts[-1][0]:g})"
    return f"{len(numbers)} ({', '.join(f'{value:g}: {count}' for value, count in counts)})"
