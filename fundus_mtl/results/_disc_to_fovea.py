"""Distance and direction from the fovea to the disc, and what is implausible about a disc."""

from __future__ import annotations

from typing import ClassVar

from fundus_mtl import biomarkers
from fundus_mtl.results._column import Column, ColumnGroup, Columns, Shown
from fundus_mtl.results._exported import Quantity
from fundus_mtl.results._findings import Findings
from fundus_mtl.results._millimetre_columns import lengths
from fundus_mtl.results._relation import Relation

DISTANCE = "Distance of optic disc centre and fovea"


class DiscToFovea(Relation):
    """Distance and angle; they also tell which eye it is."""

    needs: ClassVar[tuple[str, ...]] = ("disc", "fovea")
    columns: ClassVar[tuple[ColumnGroup, ...]] = (
        ColumnGroup(
            60,
            (
                Column("disc_fovea_dist_px", "px", "distance of the disc's centroid and the fovea"),
                Column(
                    "disc_fovea_dist_dd",
                    "disc diameters",
                    "the same over the vertical disc diameter; 2.65 ± 0.30 in normal eyes",
                ),
                Column(
                    "disc_fovea_angle_deg",
                    "degrees",
                    "angle of the line fovea to disc with the horizontal; positive: disc above",
                ),
            ),
        ),
        ColumnGroup(
            72,
            (
                Column(
                    "disc_fovea_dist_mm",
                    "mm",
                    "distance of the disc's centroid and the fovea; 4.76 ± 0.34 in normal eyes",
                ),
            ),
        ),
    )
    shown: ClassVar[tuple[Shown, ...]] = (Shown("disc_fovea_dist_dd", "Disc to fovea", 2, "disc diameters", place=30),)

    quantities: ClassVar[tuple[Quantity, ...]] = (
        *(Quantity(f"disc_fovea_dist_{unit}", "DISCFOVEA", DISTANCE) for unit in ("px", "mm", "dd")),
        Quantity("disc_fovea_angle_deg", "DISCFOVEAANGLE", "Angle of optic disc above fovea"),
    )

    def measure(self, found: Findings, columns: Columns) -> Columns:
        """Return distance and angle, and as ``laterality`` the eye that they tell, for `WhichEye`."""
        near = found.near_disc
        fovea = near.point(found.answers.points["fovea"])
        return {**biomarkers.disc_fovea(near.disc, fovea), **lengths(found.facts, columns, "disc_fovea_dist_mm")}  # type: ignore[dict-item]


class ImplausibleDisc(Relation):
    """Flags of `fundus_mtl.biomarkers.sanity_flags`; cup and fovea are checked where they are known."""

    needs: ClassVar[tuple[str, ...]] = ("disc",)

    def flags(self, found: Findings, columns: Columns) -> list[str]:
        """Return what looks wrong."""
        near, fovea = found.near_disc, found.answers.points.get("fovea")
        local = None if fovea is None else near.point(fovea)
        return biomarkers.sanity_flags(near.disc, near.unrefined_cup, local, near.seen)
