"""What a table's column and a file beside the table mean, and how the report shows a number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

Value = str | int | float | None
Columns = dict[str, Value]


class Column(NamedTuple):
    """A column of a table, or a file that belongs to it, with its entry in the data dictionary."""

    name: str
    unit: str
    meaning: str


class ColumnGroup(NamedTuple):
    """Columns that stand together in ``results.csv``.

    Groups are sorted by ``place``, so that the order of the columns does not depend on the order of the roles: 0 to 9 the
    photograph, 10 scores, 20 to 39 ratios and rim, 40 to 69 sizes and positions in px, 70 to 79 millimetres, 80 to 89
    uncertainty, 90 and more everything else, 1000 and more the run. Groups with the same place keep the order of the roles.
    """

    place: int
    columns: tuple[Column, ...]


def sorted_columns(groups: Iterable[ColumnGroup]) -> tuple[Column, ...]:
    """Return the columns of some groups in the order of the table."""
    return tuple(column for group in sorted(groups, key=lambda group: group.place) for column in group.columns)


class Histogram(NamedTuple):
    """A histogram above the report's table.

    Args:
        title: Heading of the histogram.
        plural: Name of the values in a sentence, for screen readers.
        highest: Right end of the axis; the left end is 0.
    """

    title: str
    plural: str
    highest: float = 1.0


class Shown(NamedTuple):
    """A column that the report shows.

    Args:
        column: Name of the column in ``results.csv``.
        heading: Heading in the report's table.
        decimals: Number of decimals.
        unit: Unit under the heading; empty for none.
        place: Numbers are sorted by it; the first one's median stands above the table.
        histogram: Histogram above the table; None for none.
    """

    column: str
    heading: str
    decimals: int = 2
    unit: str = ""
    place: int = 90
    histogram: Histogram | None = None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Shown:
        """Return a column from ``shown`` of ``run.json``."""
        histogram = record["histogram"]
        return cls(**{**record, "histogram": None if histogram is None else Histogram(*histogram)})


class UncertaintyColumn(NamedTuple):
    """How much an answer varies over mirrored views of the photograph.

    Args:
        key: Name of the number; the sample has it as ``uncertainty_<key>``.
        column: Name of its column in ``results.csv``.
    """

    key: str
    column: str

    @property
    def sample_key(self) -> str:
        """Key of the number in a sample."""
        return f"uncertainty_{self.key}"
