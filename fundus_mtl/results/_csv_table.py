"""CSV tables whose cells no spreadsheet mistakes for a formula."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence

from fundus_mtl.files import harmless
from fundus_mtl.results._column import Column, Value


def cell(value: Value) -> str:
    """Return a value as the text of a cell: unknown (None, NaN) is empty, a number has at most six decimals.

    A boolean is yes or no. Text that a spreadsheet would run as a formula gets an apostrophe in front.
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
        ValueError: If a row has a column that the table does not have.
    """
    names = [column.name for column in columns]
    lines = [_line(names)]
    for row in rows:
        if unknown := row.keys() - set(names):
            raise ValueError(f"expected columns of the table, but got {', '.join(sorted(unknown))}.")
        lines.append(_line([cell(row.get(name)) for name in names]))
    return "".join(lines)


def _line(cells: Sequence[str]) -> str:
    """Return a line of CSV; with this line end the writer quotes both carriage returns and line feeds."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().removesuffix("\r\n") + "\n"
