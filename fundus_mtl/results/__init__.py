"""A folder's photographs: roles, rows, pictures, journal, report. Research use only."""

from __future__ import annotations

from fundus_mtl.results._answers import BACKGROUND, CUP
from fundus_mtl.results._csv_table import (
    COLUMNS,
    FAILURE_COLUMNS,
    VOLATILE_COLUMNS,
    Column,
    Value,
    cell,
    data_dictionary,
    table,
)
from fundus_mtl.results._exit_codes import ALL_OK, NOTHING_USABLE, SOME_FAILED, exit_code
from fundus_mtl.results._folder_results import FolderResults
from fundus_mtl.results._ledger import NothingUsableError
from fundus_mtl.results._makers import Makers, Model, Stage
from fundus_mtl.results._nifti import write_nifti
from fundus_mtl.results._output_errors import OutputError, write_output
from fundus_mtl.results._output_folder import RUN
from fundus_mtl.results._overlay import draw_overlay
from fundus_mtl.results._picture_paths import picture_name, picture_paths
from fundus_mtl.results._report import render_report
from fundus_mtl.results._rules import Rules

__all__ = [
    "ALL_OK",
    "BACKGROUND",
    "COLUMNS",
    "CUP",
    "FAILURE_COLUMNS",
    "NOTHING_USABLE",
    "RUN",
    "SOME_FAILED",
    "VOLATILE_COLUMNS",
    "Column",
    "FolderResults",
    "Makers",
    "Model",
    "NothingUsableError",
    "OutputError",
    "Rules",
    "Stage",
    "Value",
    "cell",
    "data_dictionary",
    "draw_overlay",
    "exit_code",
    "picture_name",
    "picture_paths",
    "render_report",
    "table",
    "write_nifti",
    "write_output",
]
