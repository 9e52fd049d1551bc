"""The neuroretinal rim, by quadrant and by clock hour."""

from __future__ import annotations

from math import isfinite
from typing import ClassVar

from fundus_mtl import biomarkers
from fundus_mtl.results._column import Column, ColumnGroup, Columns
from fundus_mtl.results._exported import Quantity
from fundus_mtl.results._facts import EYES
from fundus_mtl.results._findings import Findings
from fundus_mtl.results._relation import Relation

STEEPEST_AXIS_DEG = 25.0  # a steeper line from fovea to disc is flagged, and the rim is not turned to it
RIM = "along the radius from the disc's centroid; turned by rim_axis_deg; empty unless the eye is known and undisputed"
HOURS = {12: " (superior)", 3: " (nasal)", 6: " (inferior)", 9: " (temporal)"}


class RimBySector(Relation):
    """The rim's widths. Nasal and temporal are never guessed: sectors need an eye that is known and undisputed."""

    needs: ClassVar[tuple[str, ...]] = ("disc", "cup")
    columns: ClassVar[tuple[ColumnGroup, ...]] = (
        ColumnGroup(
            30,
            (
                Column(
                    "rim_disc_ratio_min",
                    "1",
                    "smallest ratio over 360° of the rim's width and the disc's diameter along it",
                ),
                *(
                    Column(f"rim_{name[0].upper()}_px", "px", f"mean width of the rim in the 90° around {name}, {RIM}")
                    for name in ("inferior", "superior", "nasal", "temporal")
                ),
                *(
                    Column(
                        f"rim_hour_{hour:02}_px",
                        "px",
                        f"the same in the 30° around {hour} o'clock{HOURS.get(hour, '')}, on the clock of a right eye; a "
                        "left eye's is mirrored, so that 3 is nasal in both",
                    )
                    for hour in range(1, 13)
                ),
                Column(
                    "rim_axis_deg",
                    "degrees",
                    "tilt of nasal-temporal towards the fovea; 0 where the fovea gives none within 25°",
                ),
                Column(
                    "isnt_obeyed",
                    "yes | no",
                    "inferior ≥ superior ≥ nasal ≥ temporal rim; holds in 37 to 77 % of normal eyes",
                ),
                Column("ist_obeyed", "yes | no", "inferior ≥ superior ≥ temporal rim; describes a disc, not a disease"),
            ),
        ),
    )

    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity("rim_disc_ratio_min", "RIMDISCMIN", "Minimum rim-disc ratio"),
    )

    def measure(self, found: Findings, columns: Columns) -> Columns:
        """Return the widths; the smallest ratio of rim and disc alone needs no eye.

        An unknown or implausible angle between disc and fovea leaves the axis level.
        """
        eye = columns.get("laterality")
        known = str(eye) if eye in EYES and not columns.get("laterality_conflict") else None
        angle = columns.get("disc_fovea_angle_deg")
        axis = angle if isinstance(angle, float) and abs(angle) <= STEEPEST_AXIS_DEG else 0.0  # NaN is neither
        disc, cup = found.near_disc.disc, found.near_disc.cup
        assert cup is not None
        profile = biomarkers.rim_profile(disc, cup, known or "R", axis if known else 0.0)
        smallest: Columns = {"rim_disc_ratio_min": profile["rim_disc_ratio_min"]}
        if known is None or not isfinite(profile["rim_disc_ratio_min"]):
            return smallest
        sectors = {f"rim_{sector}_px": profile[f"rim_{sector}_px"] for sector in "ISNT"}  # type: ignore[literal-required]
        hours = {f"rim_hour_{k:02}_px": float(w) for k, w in enumerate(biomarkers.clock_hours(profile["widths_px"]), 1)}
        orders = {"isnt_obeyed": profile["isnt_obeyed"], "ist_obeyed": profile["ist_obeyed"]}
        return smallest | sectors | hours | orders | {"rim_axis_deg": axis}
