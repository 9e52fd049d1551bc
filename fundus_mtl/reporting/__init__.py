"""What people look at: overlays, rows, and the report of a folder. Research use only."""

from fundus_mtl.reporting._atomic import OutputError, write_atomically
from fundus_mtl.reporting._comparison_markup import (
    comparison_csv,
    comparison_html,
    comparison_latex,
    comparison_markdown,
)
from fundus_mtl.reporting._comparison_table import comparison_table
from fundus_mtl.reporting._folder_results import FolderResults
from fundus_mtl.reporting._ledger import NothingUsableError
from fundus_mtl.reporting._overlay import draw_overlay
from fundus_mtl.reporting._provenance import DISCLAIMER
from fundus_mtl.reporting._report import render_report
from fundus_mtl.reporting._table import COLUMNS, FAILURE_COLUMNS, VOLATILE_COLUMNS, data_dictionary, table

__all__ = [
    "COLUMNS",
    "DISCLAIMER",
    "FAILURE_COLUMNS",
    "VOLATILE_COLUMNS",
    "FolderResults",
    "NothingUsableError",
    "OutputError",
    "comparison_csv",
    "comparison_html",
    "comparison_latex",
    "comparison_markdown",
    "comparison_table",
    "data_dictionary",
    "draw_overlay",
    "render_report",
    "table",
    "write_atomically",
]
