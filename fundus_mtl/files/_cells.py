"""Cells of CSV files that no spreadsheet runs as a formula.

Source: OWASP, CSV injection.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# Full-width signs are folded to ASCII by some spreadsheets.
_SIGNS = "[=+\\-@\uff1d\uff0b\uff0d\uff20]"
# Spreadsheets skip these before a sign: blanks, quotes, control characters, and marks that have no width.
_SKIPPED = '\\s"\\x00-\\x1f\u200b-\u200f\u2060\ufeff'
# Some locales separate cells with semicolons; a comma needs no guard, because the writer quotes a cell that has one.
_SEPARATORS = ";|\\t\\r\\n"
_STARTS = re.compile(f"[{_SKIPPED}{_SEPARATORS},]*{_SIGNS}|[\\t\\r\\n]")
_STARTS_LATER = re.compile(f"([{_SEPARATORS}][{_SKIPPED}{_SEPARATORS},]*)(?={_SIGNS})")


def harmless(value: Any) -> Any:
    """Return text that a spreadsheet would run with apostrophes that prevent it; every other value as it is.

    An apostrophe is put before the text if its first sign, after blanks, quotes and separators, starts a formula. Another
    is put before each such sign behind a separator: a spreadsheet that splits at semicolons sees the rest as its own cell.

    Example:
        >>> harmless("=1+1"), harmless("a;=1+1"), harmless(" ;=1+1"), harmless("1-2"), harmless(-2)
        ("'=1+1", "a;'=1+1", "' ;'=1+1", '1-2', -2)
    """
    if not isinstance(value, str):
        return value
    inside = _STARTS_LATER.sub(r"\1'", value)
    return f"'{inside}" if _STARTS.match(value) else inside


def csv_text(table: pd.DataFrame, **options: Any) -> str:
    """Return a table as CSV: NaN is an empty cell, and neither a cell nor a name of a column can start a formula.

    Args:
        table: Rows and columns; its index is left out.
        **options: Options of ``DataFrame.to_csv``, such as ``index_label``, which keeps the index.
    """
    safe = table.map(harmless).rename(columns=harmless)
    return str(safe.to_csv(**{"index": False, "lineterminator": "\n", **options}))
