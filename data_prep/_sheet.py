"""A data set's own table of photographs, read strictly: a surprise in it is an error, not a guess."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

Row = dict[str, str]


def read_sheet(path: Path, columns: Collection[str], key: str = "id") -> list[Row]:
    """Return the rows of a CSV file, cells without surrounding blanks.

    Args:
        path: File, UTF-8 with a header.
        columns: Names that the header must have; others may be there too.
        key: Column whose cells are different from row to row. An ``id`` must be fit for a file name.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a column or a cell of ``key`` is missing, repeated, or not fit for a file name.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: expected the data set's table, but got no such file; unpack it again.")
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if missing := sorted(set(columns) - set(reader.fieldnames or ())):
            raise ValueError(f"{path.name}: expected the columns {missing}, but got {reader.fieldnames}.")
        rows = [{name: (cell or "").strip() for name, cell in row.items() if isinstance(name, str)} for row in reader]
    for name, count in Counter(row[key] for row in rows).items():
        if not name or (key == "id" and Path(name).name != name):
            raise ValueError(f"{path.name}: expected a plain name as {key}, but got {name!r}.")
        if count > 1:
            raise ValueError(f"{path.name}: expected {name} once, but got it {count} times; delete the wrong rows.")
    return rows


def one_of(row: Mapping[str, str], column: str, known: Mapping[str, str] | Mapping[str, int], name: str) -> str | int:
    """Return what a cell's word stands for.

    Args:
        row: Row of the table.
        column: Name of the cell.
        known: Meaning of every word that is allowed.
        name: Name of the photograph, for the message.

    Raises:
        ValueError: if the word is another one.
    """
    if row[column] not in known:
        raise ValueError(
            f"{name}: expected {column} among {sorted(known)}, but got {row[column]!r}; correct the table."
        )
    return known[row[column]]


def number(row: Mapping[str, str], column: str, low: float, high: float, name: str) -> float:
    """Return a cell's number.

    Args:
        row: Row of the table.
        column: Name of the cell.
        low: Least number that is allowed.
        high: Greatest number that is allowed.
        name: Name of the photograph, for the message.

    Raises:
        ValueError: if it is none, or out of range.
    """
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise ValueError(
            f"{name}: expected {column} from {low:g} to {high:g}, but got {row[column]!r}; correct the table."
        )
    return value
