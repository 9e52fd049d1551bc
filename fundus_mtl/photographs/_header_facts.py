"""What a file's header holds beside the pixels: eye, scale, burned-in annotation."""

from __future__ import annotations

import math
from typing import Literal, TypedDict


class HeaderFacts(TypedDict):
    """Read from a header; never the identity of the patient."""

    laterality: Literal["R", "L", "unknown"]
    mm_per_px: tuple[float, float] | None
    scale_fault: str | None
    burned_in: Literal["yes", "no"] | None


def no_facts() -> HeaderFacts:
    """Return the facts of a file without such a header: all unknown."""
    return {"laterality": "unknown", "mm_per_px": None, "scale_fault": None, "burned_in": None}


class ScaleFacts(TypedDict):
    """The part of `HeaderFacts` about the scale."""

    mm_per_px: tuple[float, float] | None
    scale_fault: str | None


ILLEGAL_SPACING = "the spacing of the pixels in the file is not two positive numbers"
NO_SPACING: ScaleFacts = {"mm_per_px": None, "scale_fault": None}


def scale_facts(x: float, y: float) -> ScaleFacts:
    """Return a spacing along x and y, mm; unknown, with the reason, where it is not two positive numbers."""
    if all(math.isfinite(value) and value > 0 for value in (x, y)):
        return {"mm_per_px": (x, y), "scale_fault": None}
    return {"mm_per_px": None, "scale_fault": ILLEGAL_SPACING}
