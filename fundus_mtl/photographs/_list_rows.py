"""The rows of a list of photographs: a CSV in UTF-8 with commas, semicolons or tabs, of bounded size."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from fundus_mtl.photographs._source import whole_bytes
from fundus_mtl.photographs._unreadable import UnreadableImageError

PATH_COLUMNS = ("path", "image")
_FURTHER = ("id", "laterality", "mm_per_px")
MAX_LIST_BYTES = 2**26
"""Largest list, 64 MiB."""
MAX_LIST_ROWS = 10**6
"""Most rows of a list."""


def list_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line numbers and cells by column; the columns' names are in lower case.

    Raises:
        ValueError: if it is no such CSV, is too large, or has two columns for the same thing.
    """
    try:
        text = whole_bytes(path, MAX_LIST_BYTES).decode("utf-8-sig")
        header = text.partition("\n")[0]
        delimiter = max(",;\t", key=header.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        names = [name.strip().lower() for name in next(reader, [])]
        if not set(PATH_COLUMNS) & set(names):
            # The first line is not quoted: without a header it holds a patient's file.
            raise ValueError(
                f"expected a column path or image in the first line of {str(path)!r}, but got none; add it."
            )
        _refuse_twice(names)
        rows = 0
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows += 1
                if rows > MAX_LIST_ROWS:
                    raise ValueError(f"expected at most {MAX_LIST_ROWS} rows in {str(path)!r}, but got more; split it.")
                yield reader.line_num, dict(zip(names, (cell.strip() for cell in cells), strict=False))
    except UnreadableImageError as error:
        raise ValueError(f"{str(path)!r}: {error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"expected a CSV in UTF-8, but got {str(path)!r}, which is another file ({type(error).__name__})."
        ) from None


def _refuse_twice(names: list[str]) -> None:
    """Refuse two columns for the same thing, of which one would be taken in silence.

    Raises:
        ValueError: if there are.
    """
    for known in (PATH_COLUMNS, *((name,) for name in _FURTHER)):
        if len(found := [name for name in names if name in known]) > 1:
            raise ValueError(f"expected one column of {' or '.join(known)}, but got {', '.join(found)}; remove one.")
