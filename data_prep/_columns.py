"""The rows of a data set's table by the names of its columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from ._grid import Grid, TableError, read_grids

TITLE_ROWS = 30  # a header stands among the first rows
_UNKNOWN = ("", "nan", "na", "n/a", "none", "null", "-", "?")


def read_columns(path: Path, required: Sequence[str], optional: Sequence[str] = ()) -> list[tuple[str, dict[str, str]]]:
    """Return the rows of a CSV by column; blank rows are skipped, and title rows above the header.

    Args:
        path: CSV with commas, semicolons or tabs.
        required: Columns that the header must have, in lower case; in the file, case and blanks around do not matter.
        optional: Columns that it may have; others are ignored.

    Returns:
        Where each row is, such as ``labels.csv, row 2``, and its cells by column.

    Raises:
        ValueError: if the file cannot be read, a column is missing or stands twice, or there are no rows.
    """
    name = path.name
    grid = read_grids(path, name)[name]
    top, positions = _header(grid, name, required, optional)
    rows = [
        (f"{name}, row {line}", {column: cells[position] for column, position in positions.items()})
        for line, cells in enumerate(grid[top + 1 :], start=top + 2)
        if any(cells)
    ]
    if not rows:
        raise TableError(f"{name}: expected rows below the header, but got none; unpack the table again.")
    return rows


def _header(grid: Grid, name: str, required: Sequence[str], optional: Sequence[str]) -> tuple[int, dict[str, int]]:
    """Return the header's row and the positions of the known columns."""
    known = [*required, *(column for column in optional if column not in required)]
    found: list[str] = []
    for top, cells in enumerate(grid[:TITLE_ROWS]):
        words = [cell.lower() for cell in cells]
        if set(required) <= set(words):
            if twice := [column for column in known if words.count(column) > 1]:
                raise TableError(f"{name}: expected each column once, but got {twice} again; remove all but one.")
            return top, {word: position for position, word in enumerate(words) if word in known}
        found = found or [cell for cell in cells if cell]
    raise TableError(
        f"{name}: expected the columns {list(required)} in the header, but got {found}; rename the columns, or join the "
        "data set's own tables under these names."
    )


def read_number(cell: str, expected: str) -> float:
    """Return a cell's number, NaN where it is empty or one of the usual words for unknown.

    Args:
        cell: Text.
        expected: Begin of the message: where the cell is and what was expected.

    Raises:
        ValueError: if the cell is neither, or has a decimal comma, which could be a thousands separator.
    """
    if cell.lower() in _UNKNOWN:
        return math.nan
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(
            f"{expected} a number with a decimal point, but got {cell!r}; leave it empty if it is unknown."
        )
    return number
