"""What exports need to know of a finished run: its masks, and the quantities that have a name in other programs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from fundus_mtl.results._column import Column

_FOLDER = re.compile(r"[a-z][a-z0-9_]*")


class MaskFile(NamedTuple):
    """A kind of mask that a run writes, one PNG per photograph.

    Args:
        folder: Name of its folder.
        unit: What its values are, for the data dictionary.
        meaning: Meaning of the values, for the data dictionary.
        labels: Label in exports (0 is background) by value of the PNG; a palette's values are its indices.
    """

    folder: str
    unit: str
    meaning: str
    labels: Mapping[int, int]

    @property
    def entry(self) -> Column:
        """Its entry in the data dictionary."""
        return Column(f"{self.folder}/<image_id>.png", self.unit, self.meaning)


class Quantity(NamedTuple):
    """A column that reports for other programs have.

    Args:
        column: Name of the column; its unit is that of the data dictionary.
        code: Code of the quantity, at most 16 characters.
        meaning: Name of the quantity, at most 64 characters.
        calibrated: Whether a run's calibration, if there is one, shapes the number.
    """

    column: str
    code: str
    meaning: str
    calibrated: bool = False


class ReportedQuantity(NamedTuple):
    """A quantity of a run, with what else exports need to know about it.

    Args:
        column: Name of the column.
        code: Code of the quantity.
        meaning: Name of the quantity.
        unit: Unit, as in the data dictionary.
        roles: Names of the roles that it is measured in.
        calibrated: Whether a run's calibration shapes it.
    """

    column: str
    code: str
    meaning: str
    unit: str
    roles: tuple[str, ...]
    calibrated: bool


def quantities_of_run(run: Mapping[str, Any]) -> tuple[ReportedQuantity, ...]:
    """Return the quantities that a run's record names.

    Raises:
        ValueError: If the record names none, or in another form.
    """
    try:
        found = [ReportedQuantity(**{**one, "roles": tuple(one["roles"])}) for one in run["exported"]["quantities"]]
    except (KeyError, TypeError) as error:
        raise _unknown(run) from error
    if not all(isinstance(text, str) for one in found for text in (*one[:4], *one.roles)):
        raise _unknown(run)
    return tuple(found)


def masks_of_run(run: Mapping[str, Any]) -> tuple[MaskFile, ...]:
    """Return the kinds of masks that a run's record names.

    Raises:
        ValueError: If the record names none, or in another form: folders have plain names, values and labels are from 0 to
            255.
    """
    try:
        found = [MaskFile(one["folder"], "", "", dict(one["labels"])) for one in run["exported"]["masks"]]
    except (KeyError, TypeError, ValueError) as error:
        raise _unknown(run) from error
    levels = [level for mask in found for pair in mask.labels.items() for level in pair]
    if not all(type(level) is int and 0 <= level <= 255 for level in levels):
        raise _unknown(run)
    if len(plain_folders(mask.folder for mask in found)) < len(found):
        raise _unknown(run)
    return tuple(found)


def plain_folders(names: Iterable[Any]) -> tuple[str, ...]:
    """Return those of some names that are plain names of folders, which lead nowhere else."""
    return tuple(name for name in names if isinstance(name, str) and _FOLDER.fullmatch(name))


def _unknown(run: Mapping[str, Any]) -> ValueError:
    version = run.get("software_version", "an unknown version")
    return ValueError(
        f"expected a run.json that names its masks and quantities, but got one of fundus_mtl {version} that does not; "
        "measure the folder again with this version."
    )
