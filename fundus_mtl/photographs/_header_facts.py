"""What a file says about itself beside its pixels."""

from __future__ import annotations

import math
from typing import Literal, TypedDict


class Facts(TypedDict):
    """Read from a header, and never who the patient is."""

    laterality: Literal["R", "L", "unknown"]
    mm_per_px: tuple[float, float] | None
    burned_in: Literal["yes", "no"] | None


def no_facts() -> Facts:
    """Return what an ordinary picture says: nothing."""
    return {"laterality": "unknown", "mm_per_px": None, "burned_in": None}


def spacing(x: float, y: float) -> tuple[float, float] | None:
    """Return the spacing as ``(x, y)`` in mm, None where it cannot be one."""
    return (x, y) if all(math.isfinite(value) and value > 0 for value in (x, y)) else None
