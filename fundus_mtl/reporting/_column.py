"""What a column of a table is."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """A column of a table."""

    name: str
    unit: str
    meaning: str


PIXELS = "native pixels of the upright photograph; origin at the centre of the top-left pixel, x right, y down"
