"""Tables of data sets as grids of text: CSV with any common delimiter, and every sheet of a workbook.

Nothing in a file may cost much more than the file's size: a workbook is a zip archive, and 200 kB of it can unpack to
gigabytes. So sizes are checked before anything is parsed.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

MOST_BYTES, MOST_ROWS, MOST_COLUMNS = 2_000_000, 20_000, 256  # a sheet of REFUGE has 30 kB, 400 rows and 5 columns
MOST_STYLE_BYTES = 300_000  # of styles and the like, which take openpyxl 10 µs a byte; commonly 10 kB
Grid = list[list[str]]
_SHEETS = re.compile(r"worksheets/|sharedStrings", re.IGNORECASE)
_FORMULA = re.compile(rb"<(\w+:)?f[ />]")

_DAMAGE = (
    *(
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        SyntaxError,
        EOFError,
        RuntimeError,
        ArithmeticError,
    ),
    *(zipfile.BadZipFile, zlib.error, csv.Error),
)


def read_grids(path: Path, shown: str) -> dict[str, Grid]:
    """Return the rows of every sheet of a table as text, blank cells as ``""``; a CSV has one sheet.

    Args:
        path: File, ``.csv`` or ``.xlsx``.
        shown: Name of the file in messages.

    Returns:
        Grids by name, such as ``sheet.csv`` or ``book.xlsx[Sheet2]``; all rows of a grid are equally long.

    Raises:
        ValueError: if the file is damaged, too large, not UTF-8, or holds a formula without its result.
    """
    try:
        _check_size(path.stat().st_size, shown, "bytes", MOST_BYTES)
        return {shown: _csv(path, shown)} if path.suffix.lower() == ".csv" else _workbook(path, shown)
    except TableError:
        raise
    except _DAMAGE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TableError(f"{shown}: expected a readable sheet, but got: {reason}; unpack it again.") from error


class TableError(ValueError):
    """A table that cannot be used, in one sentence."""


def _check_size(size: int, shown: str, what: str, most: int) -> None:
    if size > most:
        raise TableError(
            f"{shown}: expected a sheet of at most {most:,} {what}, but got {size:,}; cut it, or move the file away."
        )


def _csv(path: Path, shown: str) -> Grid:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise TableError(f"{shown}: expected a CSV in UTF-8, but got another encoding; save it as UTF-8.") from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    return _grid(reader, shown)


def _delimiter(text: str) -> str:
    """Return the delimiter that the first lines have most of."""
    begin = "\n".join([line for line in text.splitlines() if line.strip()][:20])
    return max(",;\t", key=begin.count)


def _workbook(path: Path, shown: str) -> dict[str, Grid]:
    with zipfile.ZipFile(path) as archive:
        sheets = [part for part in archive.infolist() if _SHEETS.search(part.filename)]
        # zipfile stops where the declared size ends, so the declared sizes are a bound
        size = sum(part.file_size for part in sheets)
        _check_size(size, shown, "unpacked bytes", MOST_BYTES)
        total = sum(part.file_size for part in archive.infolist())
        _check_size(total - size, shown, "bytes of styles", MOST_STYLE_BYTES)
        has_formulas = any(_FORMULA.search(archive.read(part)) for part in sheets)
    values = _sheets(path, shown, results=True)
    if has_formulas:
        _check_formulas(values, _sheets(path, shown, results=False))
    return values


def _check_formulas(values: dict[str, Grid], formulas: dict[str, Grid]) -> None:
    """Refuse a formula without its result, as some programs save it: the cell would count as empty."""
    for name, grid in values.items():
        for number, (row, written) in enumerate(zip(grid, formulas[name], strict=False), start=1):
            if any(cell.startswith("=") and not value for value, cell in zip(row, written, strict=False)):
                raise TableError(
                    f"{name}, row {number}: expected a value, but got a formula without its result; save the values."
                )


def _sheets(path: Path, shown: str, results: bool) -> dict[str, Grid]:
    """Return the grid of every sheet, with the results of formulas or with the formulas themselves."""
    import openpyxl

    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of formats that it does not draw
        book = openpyxl.load_workbook(file, read_only=True, data_only=results, keep_links=False)
        try:
            return {f"{shown}[{sheet.title}]": _grid(_cells(sheet), shown) for sheet in book.worksheets}
        finally:
            book.close()


def _cells(sheet: Any) -> Iterable[Iterable[Any]]:
    sheet.reset_dimensions()  # what the file claims about its size is not believed
    return sheet.iter_rows(max_row=MOST_ROWS + 1, values_only=True)


def _grid(rows: Iterable[Iterable[Any]], shown: str) -> Grid:
    grid: Grid = []
    for row in rows:
        cells = [_text(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        _check_size(len(cells), shown, "columns", MOST_COLUMNS)
        grid.append(cells)
        _check_size(len(grid), shown, "rows", MOST_ROWS)
    width = max(map(len, grid), default=0)
    return [cells + [""] * (width - len(cells)) for cells in grid]


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()
