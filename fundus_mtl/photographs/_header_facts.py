"""What a file's header holds beside the pixels: eye, scale, burned-in annotation."""

from __future__ import annotations

import math
from typing import Literal, TypedDict


class HeaderFacts(TypedDict):
    """Read from a header; never the identity of the patient."""

    laterality: Literal["R", "L", "unknown"]
    mm_per_px: tuple[float, float] | None
    burned_in: Literal["yes", "no"] | None


def no_facts() -> HeaderFacts:
    """Return the facts of a file without such a header: all unknown."""
    return {"laterality": "unknown", "mm_per_px": None, "burned_in": None}


def spacing(x: float, y: float) -> tuple[float, float] | None:
    """Return the spacing as ``(x, y)`` in mm, None where it cannot be one."""
    return (x, y) if all(math.isfinite(value) and value > 0 for value in (x, y)) else None
