"""Read the optional cells of a list of photographs."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

_SIDES = {"r": "R", "od": "R", "right": "R", "l": "L", "os": "L", "left": "L", "": "", "unknown": ""}


def given_facts(row: Mapping[str, str]) -> dict[str, Any]:
    """Return ``laterality`` and ``mm_per_px`` of a row, as far as they are given.

    Raises:
        ValueError: if a cell is neither empty nor such a fact.
    """
    facts: dict[str, Any] = {}
    side = _SIDES.get(row.get("laterality", "").lower())
    if side is None:
        raise ValueError("expected laterality R or L, but got something else; correct the cell or leave it empty")
    if side:
        facts["laterality"] = side
    if row.get("mm_per_px"):
        facts["mm_per_px"] = _spacing(row["mm_per_px"])
    return facts


def given_name(name: str) -> str:
    """Return an id that may name the results' files.

    Raises:
        ValueError: if it is no relative path that stays inside.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name:
        raise ValueError("expected a relative path or a word as id, but got another; correct the cell")
    return name


def _spacing(cell: str) -> tuple[float, float]:
    try:
        numbers = [float(number) for number in re.split(r"[\s;x×]+", cell.replace(",", "."))]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2) or not all(math.isfinite(number) and number > 0 for number in numbers):
        raise ValueError(
            "expected mm_per_px as one positive number, or as x and y, but got something else; correct the cell"
        )
    return numbers[0], numbers[-1]
