"""What people look at: overlays, rows, and the report of a folder. Research use only."""

from fundus_mtl.reporting._atomic import OutputError, write_atomically
from fundus_mtl.reporting._balance_comparison import balance_comparison
from fundus_mtl.reporting._balance_layers import balance_layers
from fundus_mtl.reporting._case_panel import case_panel
from fundus_mtl.reporting._comparison_markup import (
    comparison_csv,
    comparison_html,
    comparison_latex,
    comparison_markdown,
)
from fundus_mtl.reporting._comparison_page import comparison_page
from fundus_mtl.reporting._comparison_table import comparison_table
from fundus_mtl.reporting._curve_figure import learning_curves
from fundus_mtl.reporting._dicom_seg import write_seg
from fundus_mtl.reporting._dicom_source import source_header
from fundus_mtl.reporting._dicom_sr import write_sr
from fundus_mtl.reporting._exit_codes import ALL_OK, NOTHING_USABLE, SOME_FAILED, exit_code
from fundus_mtl.reporting._export import export_dicom, export_nifti, export_refuge
from fundus_mtl.reporting._folder_results import FolderResults
from fundus_mtl.reporting._ledger import NothingUsableError
from fundus_mtl.reporting._nifti import write_nifti
from fundus_mtl.reporting._overlay import draw_overlay
from fundus_mtl.reporting._provenance import DISCLAIMER
from fundus_mtl.reporting._quartile_cases import quartile_cases
from fundus_mtl.reporting._rate_figure import metric_against_rate
from fundus_mtl.reporting._refuge_export import RefugeSubmission
from fundus_mtl.reporting._report import render_report
from fundus_mtl.reporting._roc_figure import roc_with_bands
from fundus_mtl.reporting._rules import Rules
from fundus_mtl.reporting._table import COLUMNS, FAILURE_COLUMNS, VOLATILE_COLUMNS, data_dictionary, table

__all__ = [
    "ALL_OK",
    "COLUMNS",
    "DISCLAIMER",
    "FAILURE_COLUMNS",
    "NOTHING_USABLE",
    "SOME_FAILED",
    "VOLATILE_COLUMNS",
    "FolderResults",
    "NothingUsableError",
    "OutputError",
    "RefugeSubmission",
    "Rules",
    "balance_comparison",
    "balance_layers",
    "case_panel",
    "comparison_csv",
    "comparison_html",
    "comparison_latex",
    "comparison_markdown",
    "comparison_page",
    "comparison_table",
    "data_dictionary",
    "draw_overlay",
    "exit_code",
    "export_dicom",
    "export_nifti",
    "export_refuge",
    "learning_curves",
    "metric_against_rate",
    "quartile_cases",
    "render_report",
    "roc_with_bands",
    "source_header",
    "table",
    "write_atomically",
    "write_nifti",
    "write_seg",
    "write_sr",
]
