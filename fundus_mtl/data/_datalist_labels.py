"""Labels of a datalist: a path, a point or a number, the same for all photographs of a task.

A binary label is 0 or 1 (1.0 and true are 1). Text such as "1", codes 1 and 2, and one-hot lists are refused: each could be
read in two ways.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from fundus_mtl.labels import check_point

_MOST_CLASSES = 20  # whole numbers up to this many, counted from 1, are classes and no measurement
_LIKE_A_LABEL = re.compile(r"\s*[+-]?\d+(\.\d*)?\s*|\s*(yes|no|true|false|nan|none|null|n/a)?\s*", re.IGNORECASE)


def label_faults(task: str, labels: Sequence[tuple[str, Any]]) -> Iterator[ValueError]:
    """Yield labels of a task that are none, of different kinds, or numbered in another way than from 0.

    Args:
        task: Name of the task.
        labels: Ids and labels of the photographs that have one.

    Yields:
        One sentence each, which names the photograph.
    """
    first, faulty = "", False
    for name, label in labels:
        try:
            kind = _check_label(name, task, label)
        except ValueError as fault:
            faulty = True
            yield fault
            continue
        first = first or kind
        if kind != first:
            faulty = True
            yield ValueError(
                f"{name}: expected {task} as {first} like that of the photographs before, but got {kind}; "
                "write all labels of a task in the same way."
            )
    if first == "a number" and not faulty:
        yield from _class_faults(task, {float(label) for _, label in labels})


def _check_label(name: str, task: str, label: Any) -> str:
    """Return the kind of a label in words."""
    if isinstance(label, list | tuple):
        check_point(label, name, task)
        return "a point"
    if isinstance(label, str):
        if _LIKE_A_LABEL.fullmatch(label):
            raise ValueError(
                f"{name}: expected {task} as a number, a point or the path of a file, but got the text {label!r}; write a "
                "number without quotes, and leave the key out if it is missing."
            )
        return "a path"
    if not isinstance(label, int | float):
        raise ValueError(
            f"{name}: expected {task} as a number, a point or the path of a file, but got {type(label).__name__}; "
            "correct it."
        )
    if not math.isfinite(label):
        raise ValueError(f"{name}: expected a number for {task}, but got {label}; leave the key out if it is missing.")
    return "a number"


def _class_faults(task: str, values: set[float]) -> Iterator[ValueError]:
    """Yield that classes are not numbered 0, 1, 2, ...; numbers with a fraction, and many, are measurements."""
    found = sorted(values)
    if not all(value.is_integer() for value in found):
        return
    counted_from_1 = found == [float(k) for k in range(1, len(found) + 1)] and 1 < len(found) <= _MOST_CLASSES
    if found[0] < 0 or counted_from_1 or (len(found) == 2 and found != [0.0, 1.0]):
        listed = ", ".join(f"{value:g}" for value in found[:5]) + (", ..." if len(found) > 5 else "")
        yield ValueError(
            f"Datalist: expected labels of {task} as 0 and 1 (or classes 0, 1, 2, ...), but got {listed}; number them from "
            "0, and leave the key out where the label is unknown."
        )
