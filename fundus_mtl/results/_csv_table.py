"""Tables out: cells that no spreadsheet mistakes for a formula, and the data dictionary as a table."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence

from fundus_mtl.files import harmless
from fundus_mtl.results._dictionary import (
    ARTERY_VEIN,
    COLUMNS,
    FAILURE_COLUMNS,
    JOURNAL,
    MASKS,
    OVERLAYS,
    PROBABILITIES,
    RESULTS_JSONL,
    VESSEL_COLUMNS,
    VESSELS,
    Column,
)

__all__ = [
    "COLUMNS",
    "FAILURE_COLUMNS",
    "VOLATILE_COLUMNS",
    "Column",
    "Value",
    "cell",
    "columns_of",
    "data_dictionary",
    "table",
]

Value = str | int | float | None
VOLATILE_COLUMNS = ("timestamp_utc", "runtime_s")


def cell(value: Value) -> str:
    """Return a value as the text of a cell: unknown (None, NaN) is empty, a number has at most six decimals.

    A truth is yes or no. Text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return str(harmless(value))
    text = f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return "0" if text == "-0" else text


def table(columns: Sequence[Column], rows: Iterable[Mapping[str, Value]]) -> str:
    """Return a CSV table with a header; a row's missing columns are empty cells.

    Raises:
        ValueError: if a row has a column that the table has not.
    """
    names = [column.name for column in columns]
    lines = [_line(names)]
    for row in rows:
        if unknown := row.keys() - set(names):
            raise ValueError(f"expected columns of the table, but got {', '.join(sorted(unknown))}.")
        lines.append(_line([cell(row.get(name)) for name in names]))
    return "".join(lines)


def _line(cells: Sequence[str]) -> str:
    """Return a line of CSV; the writer must know of both line ends to put quotes around either."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().removesuffix("\r\n") + "\n"


def columns_of(vessels: bool) -> tuple[Column, ...]:
    """Return the columns of a run's table, with those of vessels before the flags if they were asked for."""
    place = [column.name for column in COLUMNS].index("flags")
    return (*COLUMNS[:place], *VESSEL_COLUMNS, *COLUMNS[place:]) if vessels else COLUMNS


def data_dictionary(vessels: bool = False) -> str:
    """Return the table of what every column, and every file beside the table, means."""
    about = (Column("column", "", ""), Column("unit", "", ""), Column("meaning", "", ""))
    entries = (
        *columns_of(vessels),
        MASKS,
        OVERLAYS,
        *((ARTERY_VEIN, VESSELS) if vessels else ()),
        PROBABILITIES,
        RESULTS_JSONL,
        JOURNAL,
    )
    return table(about, ({"column": name, "unit": unit, "meaning": meaning} for name, unit, meaning in entries))
