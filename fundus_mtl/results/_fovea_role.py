"""The fovea: a point."""

from __future__ import annotations

from typing import ClassVar

from fundus_mtl.results._column import Column, ColumnGroup, Columns, UncertaintyColumn
from fundus_mtl.results._findings import Findings
from fundus_mtl.results._positions import PIXELS
from fundus_mtl.results._role import PointRole


class Fovea(PointRole):
    """The centre of the fovea."""

    name: ClassVar[str] = "fovea"
    columns: ClassVar[tuple[ColumnGroup, ...]] = (
        ColumnGroup(
            51,
            (Column("fovea_x_px", "px", f"x of the fovea; {PIXELS}"), Column("fovea_y_px", "px", "y of the fovea")),
        ),
        ColumnGroup(
            82,
            (
                Column(
                    "fovea_uncertainty_px",
                    "px",
                    "root mean square distance of the same views' foveas from their mean point (n - 1)",
                ),
            ),
        ),
    )
    uncertainty: ClassVar[UncertaintyColumn | None] = UncertaintyColumn("fovea_px", "fovea_uncertainty_px")

    def measure(self, found: Findings, columns: Columns) -> Columns:
        """Return the coordinates."""
        x, y = found.answers.points["fovea"]
        return {"fovea_x_px": float(x), "fovea_y_px": float(y)}
