"""The optic disc: its size and place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from fundus_mtl import biomarkers
from fundus_mtl.results._column import Column, ColumnGroup, Columns, Shown
from fundus_mtl.results._exported import Quantity
from fundus_mtl.results._findings import Findings, Mask
from fundus_mtl.results._millimetre_columns import lengths
from fundus_mtl.results._positions import PIXELS
from fundus_mtl.results._role import MaskRole


class Disc(MaskRole):
    """The optic disc, cup included; cleaned to its largest component without holes."""

    name: ClassVar[str] = "disc"
    landmark: ClassVar[bool] = True
    structures: ClassVar[tuple[str, ...]] = ("disc",)
    columns: ClassVar[tuple[ColumnGroup, ...]] = (
        ColumnGroup(
            40,
            (
                Column("disc_area_px", "px²", "pixels of the disc, cup included: largest component, holes filled"),
                Column("disc_height_px", "px", "vertical extent of the disc"),
                Column("disc_width_px", "px", "horizontal extent of the disc"),
            ),
        ),
        ColumnGroup(
            50,
            (
                Column("disc_cx_px", "px", f"x of the disc's centroid; {PIXELS}"),
                Column("disc_cy_px", "px", "y of the disc's centroid"),
            ),
        ),
        ColumnGroup(
            70,
            (
                Column(
                    "disc_area_mm2",
                    "mm²",
                    "disc_area_px in mm²; empty, as all in mm, where the photograph's scale is not known",
                ),
                Column("disc_height_mm", "mm", "vertical extent of the disc"),
                Column("disc_width_mm", "mm", "horizontal extent of the disc"),
            ),
        ),
    )
    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity("disc_area_px", "DISCAREA", "Optic disc area"),
        Quantity("disc_height_px", "DISCHEIGHT", "Vertical optic disc diameter"),
        Quantity("disc_width_px", "DISCWIDTH", "Horizontal optic disc diameter"),
        Quantity("disc_area_mm2", "DISCAREA", "Optic disc area"),
        Quantity("disc_height_mm", "DISCHEIGHT", "Vertical optic disc diameter"),
        Quantity("disc_width_mm", "DISCWIDTH", "Horizontal optic disc diameter"),
    )
    shown: ClassVar[tuple[Shown, ...]] = (Shown("disc_height_px", "Disc height", 0, "px", place=20),)

    def clean(self, mask: Mask) -> Mask:
        """Return the largest component, holes filled."""
        return biomarkers.clean_disc(mask)

    def doubts(self, masks: Mapping[str, Mask], seen: Mask, rivals: Mapping[str, float]) -> dict[str, str]:
        """Return why it cannot be a disc."""
        reason = biomarkers.implausible_disc(masks["disc"], seen, rivals.get("disc", 0.0))
        return {} if reason is None else {"disc": reason}

    def measure(self, found: Findings, columns: Columns) -> Columns:
        """Return area, extents and centroid, in px and in mm."""
        near = found.near_disc
        measured = biomarkers.disc_measures(near.disc)
        measured["disc_cx_px"] += near.left
        measured["disc_cy_px"] += near.top
        sizes: Columns = {**measured}  # type: ignore[dict-item]  # a TypedDict of floats
        return sizes | lengths(found.facts, sizes, "disc_area_mm2", "disc_height_mm", "disc_width_mm")
