"""What is known of a photograph beside its pixels: the eye and the scale, as its file or a list says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

EYES = ("R", "L")


@dataclass(frozen=True)
class Facts:
    """Facts of one photograph; None where unknown.

    Args:
        laterality: ``"R"`` or ``"L"``.
        laterality_source: who says so: ``dicom`` or ``list``.
        mm_per_px: along x and y.
        scale_source: who says so: ``pixel_spacing``, ``user`` or ``assumed``.
    """

    laterality: str | None = None
    laterality_source: str = "dicom"
    mm_per_px: tuple[float, float] | None = None
    scale_source: str = "pixel_spacing"

    @classmethod
    def of(cls, told: Mapping[str, Any] | None) -> Facts:
        """Take the facts out of a mapping; other keys are for others, and None or an absent key is unknown.

        Anything but R or L is no eye (DICOM's B is both), and a scale that is not positive is none.
        """
        known = {name: value for name, value in (told or {}).items() if value is not None}
        scale = tuple(float(step) for step in known.get("mm_per_px", ()))
        eye = known.get("laterality")
        return cls(
            laterality=eye if eye in EYES else None,
            laterality_source=str(known.get("laterality_source", "dicom")),
            mm_per_px=(scale[0], scale[1]) if len(scale) == 2 and all(isfinite(s) and s > 0 for s in scale) else None,
            scale_source=str(known.get("scale_source", "pixel_spacing")),
        )
