"""Which columns of results.csv a DICOM report has, under what names and in what units (UCUM)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from fundus_mtl.exports._dicom_document import private_code
from fundus_mtl.results import Value

NO_UNIT, DEGREE = codes.UCUM.NoUnits, codes.UCUM.Degree
MM, MM2 = codes.UCUM.Millimeter, codes.UCUM.SquareMillimeter
PIXELS = Code("{pixels}", "UCUM", "pixels")
DISC_DIAMETERS = Code("{disc diameters}", "UCUM", "vertical disc diameters")

DISC, RATIO, WAY, SCORE = ("disc",), ("disc", "cup"), ("disc", "fovea"), ("glaucoma",)


class Quantity(NamedTuple):
    """A column of results.csv, how a report calls it, and whose answers it is measured in."""

    column: str
    name: Code
    unit: Code
    roles: tuple[str, ...]


QUANTITIES = (
    Quantity("vcdr", private_code("VCDR", "Vertical cup-disc ratio"), NO_UNIT, RATIO),
    Quantity("hcdr", private_code("HCDR", "Horizontal cup-disc ratio"), NO_UNIT, RATIO),
    Quantity("acdr", private_code("ACDR", "Area cup-disc ratio"), NO_UNIT, RATIO),
    Quantity("rim_disc_ratio_min", private_code("RIMDISCMIN", "Minimum rim-disc ratio"), NO_UNIT, RATIO),
    Quantity("disc_area_px", private_code("DISCAREA", "Optic disc area"), PIXELS, DISC),
    Quantity("cup_area_px", private_code("CUPAREA", "Optic cup area"), PIXELS, RATIO),
    Quantity("disc_height_px", private_code("DISCHEIGHT", "Vertical optic disc diameter"), PIXELS, DISC),
    Quantity("disc_width_px", private_code("DISCWIDTH", "Horizontal optic disc diameter"), PIXELS, DISC),
    Quantity("disc_area_mm2", private_code("DISCAREA", "Optic disc area"), MM2, DISC),
    Quantity("cup_area_mm2", private_code("CUPAREA", "Optic cup area"), MM2, RATIO),
    Quantity("disc_height_mm", private_code("DISCHEIGHT", "Vertical optic disc diameter"), MM, DISC),
    Quantity("disc_width_mm", private_code("DISCWIDTH", "Horizontal optic disc diameter"), MM, DISC),
    Quantity("disc_fovea_dist_px", private_code("DISCFOVEA", "Distance of optic disc centre and fovea"), PIXELS, WAY),
    Quantity("disc_fovea_dist_mm", private_code("DISCFOVEA", "Distance of optic disc centre and fovea"), MM, WAY),
    Quantity(
        "disc_fovea_dist_dd", private_code("DISCFOVEA", "Distance of optic disc centre and fovea"), DISC_DIAMETERS, WAY
    ),
    Quantity("disc_fovea_angle_deg", private_code("DISCFOVEAANGLE", "Angle of optic disc above fovea"), DEGREE, WAY),
    Quantity("glaucoma_prob", private_code("SCORE", "Glaucoma classifier research score"), NO_UNIT, SCORE),
)


def measured(row: Mapping[str, Value]) -> list[tuple[Quantity, float]]:
    """Return the quantities that a row has, in the order of `QUANTITIES`, with six decimals as in the table.

    Raises:
        ValueError: if a value is no number.
    """
    found = []
    for quantity in QUANTITIES:
        value = row.get(quantity.column)
        if value is None or value == "":
            continue
        try:
            number = float(value)
        except ValueError as error:
            raise ValueError(f"{quantity.column}: expected a number, but got {value!r}.") from error
        if math.isfinite(number):
            found.append((quantity, round(number, 6)))
    return found
