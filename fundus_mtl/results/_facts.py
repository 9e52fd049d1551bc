"""What is known of a photograph beside its pixels: the eye, the scale, and whether text is burned into the picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import nan
from typing import Any

from fundus_mtl.biomarkers import implausible_scale

EYES = ("R", "L")


@dataclass(frozen=True)
class PhotographFacts:
    """Facts about one photograph; None where unknown.

    Args:
        laterality: ``"R"`` or ``"L"``.
        laterality_source: Where the eye comes from: ``dicom`` or ``list``.
        mm_per_px: Scale along x and along y.
        scale_source: Where the scale comes from: ``pixel_spacing``, ``user`` or ``assumed``.
        burned_in: Whether the file's header says that text is burned into the picture.
        scale_fault: Why there is no scale although the file or a list gives one; None otherwise.
    """

    laterality: str | None = None
    laterality_source: str = "dicom"
    mm_per_px: tuple[float, float] | None = None
    scale_source: str = "pixel_spacing"
    burned_in: bool = False
    scale_fault: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> PhotographFacts:
        """Take the facts out of a mapping; other keys are ignored, and None or an absent key is unknown.

        Only R and L are accepted as an eye (DICOM's B means both), and only two numbers as a scale, or one that holds for
        both directions. Whether a scale can be right is checked by `plausible`.
        """
        known = {name: value for name, value in (given or {}).items() if value is not None}
        scale = known.get("mm_per_px", ())
        scale = tuple(map(float, (scale, scale) if isinstance(scale, int | float) else scale))
        eye = known.get("laterality")
        return cls(
            laterality=eye if eye in EYES else None,
            laterality_source=str(known.get("laterality_source", "dicom")),
            mm_per_px=(scale[0], scale[1]) if len(scale) == 2 else None,
            scale_source=str(known.get("scale_source", "pixel_spacing")),
            burned_in=known.get("burned_in") == "yes",
            scale_fault=known.get("scale_fault"),
        )

    def plausible(self, height_px: int, width_px: int, disc_height_px: float = nan) -> PhotographFacts:
        """Return the facts without a scale that cannot be right, see `fundus_mtl.biomarkers.implausible_scale`.

        Args:
            height_px: Height of the photograph.
            width_px: Width of the photograph.
            disc_height_px: Vertical diameter of the disc; NaN where no disc was found.
        """
        if self.mm_per_px is None:
            return self
        fault = implausible_scale(self.mm_per_px, width_px, height_px, disc_height_px)
        return self if fault is None else replace(self, mm_per_px=None, scale_fault=fault)


@dataclass(frozen=True)
class KnownFacts:
    """Where the facts about a run's photographs come from.

    Args:
        of_file: Returns ``laterality``, ``mm_per_px``, ``scale_fault`` and ``burned_in`` of the file at a path; nothing else
            of it is used. None if files are not asked.
        mm_per_px: Scale of photographs for which neither the file nor the list of files gives one.

    Raises:
        ValueError: If the scale is not a number.
    """

    of_file: Callable[[str], Mapping[str, Any]] | None = None
    mm_per_px: float | None = None

    def __post_init__(self) -> None:
        given = self.mm_per_px
        if given is not None and (isinstance(given, bool) or not isinstance(given, int | float)):
            raise ValueError(f"mm_per_px: expected millimetres per pixel, such as 0.006, but got {given!r}; or null.")

    def of(self, item: Mapping[str, Any]) -> PhotographFacts:
        """Return the facts about a photograph: the user's list comes first, then the file, then the user's default.

        Args:
            item: Item of the folder, with ``image`` and perhaps ``laterality`` and ``mm_per_px``.
        """
        facts = dict(self.of_file(item["image"])) if self.of_file is not None else {}
        if item.get("laterality") is not None:
            facts |= {"laterality": item["laterality"], "laterality_source": "list"}
        scale = item.get("mm_per_px")
        if scale is None and facts.get("mm_per_px") is None:
            scale = self.mm_per_px
        if scale is not None:
            facts |= {"mm_per_px": scale, "scale_source": "user", "scale_fault": None}
        return PhotographFacts.of(facts)
