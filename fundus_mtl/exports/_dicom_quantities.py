"""Which columns of results.csv a DICOM report has, under what names and in what units (UCUM)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from fundus_mtl.exports._dicom_document import private_code
from fundus_mtl.results import ReportedQuantity, Value

UNITS: Mapping[str, Code] = {  # by the unit of the data dictionary
    **dict.fromkeys(("", "1", "0 to 1"), codes.UCUM.NoUnits),
    **dict.fromkeys(("px", "px²"), Code("{pixels}", "UCUM", "pixels")),
    "mm": codes.UCUM.Millimeter,
    "mm²": codes.UCUM.SquareMillimeter,
    "degrees": codes.UCUM.Degree,
    "disc diameters": Code("{disc diameters}", "UCUM", "vertical disc diameters"),
}


class ReportedNumber(NamedTuple):
    """A number of a report.

    Args:
        name: Code of the quantity.
        value: Value, with six decimals as in the table.
        unit: Code of the unit.
        roles: Names of the roles that it is measured in.
        calibrated: Whether a run's calibration shapes it.
    """

    name: Code
    value: float
    unit: Code
    roles: tuple[str, ...]
    calibrated: bool


def reported(row: Mapping[str, Value], measurements: Sequence[ReportedQuantity]) -> list[ReportedNumber]:
    """Return the numbers that a row has, in the order of the measurements.

    Raises:
        ValueError: If a value is not a number, or a code cannot be written.
    """
    found = []
    for one in measurements:
        value = row.get(one.column)
        if value is None or value == "":
            continue
        try:
            number = float(value)
        except ValueError as error:
            raise ValueError(f"{one.column}: expected a number, but got {value!r}.") from error
        if math.isfinite(number):
            name = private_code(one.code, one.meaning)
            found.append(ReportedNumber(name, round(number, 6), _unit(one.unit), one.roles, one.calibrated))
    return found


def _unit(unit: str) -> Code:
    """Return the code of a unit; one that is not known becomes an annotation, which UCUM allows in braces."""
    return UNITS.get(unit) or Code(f"{{{unit}}}", "UCUM", unit)
