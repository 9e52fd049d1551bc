"""Vessels of either kind: a mask. Their numbers are in `VesselTree`."""

from __future__ import annotations

from typing import ClassVar

from fundus_mtl.results._column import Column
from fundus_mtl.results._findings import Findings
from fundus_mtl.results._picture_bytes import mask_png
from fundus_mtl.results._role import MaskRole


class Vessel(MaskRole):
    """All vessels inside the field of view."""

    name: ClassVar[str] = "vessel"
    structures: ClassVar[tuple[str, ...]] = ("vessel",)
    by_itself: ClassVar[bool] = False
    within_field: ClassVar[bool] = True
    files: ClassVar[tuple[Column, ...]] = (
        Column("vessels/<image_id>.png", "", "white where the vessel head sees a vessel; native size"),
    )

    def pictures(self, found: Findings) -> dict[str, bytes]:
        """Return the mask with one bit per pixel."""
        return {"vessels": mask_png(found.answers.masks["vessel"])}
