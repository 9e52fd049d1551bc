"""Arteries and veins: two masks, and a map in HRF-AV's colours. Their numbers are in `VesselTree`."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from fundus_mtl.metrics import av
from fundus_mtl.results._exported import MaskFile
from fundus_mtl.results._findings import Findings
from fundus_mtl.results._picture_bytes import palette_png
from fundus_mtl.results._role import MaskRole

# Of the maps of Hemelings et al. (2019): background, artery, vein, both.
PALETTE = ((0, 0, 0), av.ARTERY, av.VEIN, av.CROSSING)


class ArteryVein(MaskRole):
    """Arteries and veins inside the field of view; a crossing is both."""

    name: ClassVar[str] = "artery_vein"
    structures: ClassVar[tuple[str, ...]] = ("artery", "vein")
    by_itself: ClassVar[bool] = False
    within_field: ClassVar[bool] = True
    files: ClassVar[tuple[MaskFile, ...]] = (
        MaskFile(
            "artery_vein",
            "colour",
            "red artery, blue vein, green both, black neither (HRF-AV)",
            {0: 0, 1: 1, 2: 2, 3: 3},
        ),
    )

    def pictures(self, found: Findings) -> dict[str, bytes]:
        """Return the map in four colours."""
        artery, vein = (found.answers.masks[name].astype(np.uint8) for name in self.structures)
        return {"artery_vein": palette_png(artery + 2 * vein, PALETTE)}
