"""Cells of CSV files that no spreadsheet runs as a formula.

Source: OWASP, CSV injection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# A line end may hide a sign behind it; full-width signs are folded to ASCII by some spreadsheets.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def harmless(value: Any) -> Any:
    """Return text that a spreadsheet would run with an apostrophe in front; every other value as it is."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def csv_text(table: pd.DataFrame, **options: Any) -> str:
    """Return a table as CSV: NaN is an empty cell, and neither a cell nor a name of a column can start a formula.

    Args:
        table: rows and columns; its index is left out.
        **options: Options of ``DataFrame.to_csv``, such as ``index_label``, which keeps the index.
    """
    safe = table.map(harmless).rename(columns=harmless)
    return str(safe.to_csv(**{"index": False, "lineterminator": "\n", **options}))
