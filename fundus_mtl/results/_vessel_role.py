"""Vessels of either kind: a mask. Their numbers are in `VesselTree`."""

from __future__ import annotations

from typing import ClassVar

from fundus_mtl.results._exported import MaskFile
from fundus_mtl.results._findings import Findings
from fundus_mtl.results._picture_bytes import mask_png
from fundus_mtl.results._role import MaskRole


class Vessel(MaskRole):
    """All vessels inside the field of view."""

    name: ClassVar[str] = "vessel"
    structures: ClassVar[tuple[str, ...]] = ("vessel",)
    by_itself: ClassVar[bool] = False
    within_field: ClassVar[bool] = True
    files: ClassVar[tuple[MaskFile, ...]] = (
        MaskFile("vessels", "", "white where the vessel head sees a vessel; native size", {0: 0, 1: 1}),
    )

    def pictures(self, found: Findings) -> dict[str, bytes]:
        """Return the mask with one bit per pixel."""
        return {"vessels": mask_png(found.answers.masks["vessel"])}
