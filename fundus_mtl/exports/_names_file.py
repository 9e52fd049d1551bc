"""Names of photographs in an export, from a CSV file, for folders in which several have the same file name."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

_COLUMNS = ("image_id", "name")


def read_names(path: str | Path) -> dict[str, str]:
    """Return the name of each photograph by its ``image_id`` in the results.

    Args:
        path: CSV file with the columns ``image_id`` and ``name``.

    Raises:
        ValueError: If the file cannot be read, a column is missing, a cell is empty, or an id or a name occurs twice.
    """
    where = Path(path).name
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or ()
            rows = [(_cell(row, "image_id"), _cell(row, "name")) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ValueError(f"{where}: expected a CSV file of names, but got: {reason}; check the path.") from error
    if missing := [column for column in _COLUMNS if column not in columns]:
        raise ValueError(f"{where}: expected the columns image_id and name, but got no {' and no '.join(missing)}.")
    for number, column in enumerate(_COLUMNS):
        counts = Counter(row[number] for row in rows)
        if counts[""]:
            raise ValueError(f"{where}: expected a value in each cell of {column}, but got an empty one; fill it in.")
        if repeated := [value for value, count in counts.items() if count > 1]:
            raise ValueError(
                f"{where}: expected each {column} once, but got {repeated[0]!r} again; change one of them."
            )
    return dict(rows)


def _cell(row: Mapping[str, str | None], column: str) -> str:
    return (row.get(column) or "").strip()
