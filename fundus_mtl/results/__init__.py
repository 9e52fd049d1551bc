"""A folder's photographs: roles, rows, pictures, journal, report. Research use only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names

if TYPE_CHECKING:
    from fundus_mtl.results._artery_vein_role import ArteryVein
    from fundus_mtl.results._column import Column, ColumnGroup, Columns, Histogram, Shown, UncertaintyColumn, Value
    from fundus_mtl.results._contribution import Contribution, Missing
    from fundus_mtl.results._csv_table import cell, table
    from fundus_mtl.results._cup_role import Cup
    from fundus_mtl.results._disc_role import Disc
    from fundus_mtl.results._entry import is_row, stays_inside
    from fundus_mtl.results._exit_codes import ALL_OK, NOTHING_USABLE, SOME_FAILED, exit_code
    from fundus_mtl.results._exported import (
        MaskFile,
        Quantity,
        ReportedQuantity,
        masks_of_run,
        plain_folders,
        quantities_of_run,
    )
    from fundus_mtl.results._facts import KnownFacts, PhotographFacts
    from fundus_mtl.results._findings import Answers, Findings
    from fundus_mtl.results._flip_spreads import flip_spreads
    from fundus_mtl.results._folder_results import FolderResults
    from fundus_mtl.results._fovea_role import Fovea
    from fundus_mtl.results._glaucoma_role import Glaucoma
    from fundus_mtl.results._glaucoma_score import GlaucomaScore
    from fundus_mtl.results._layout import FAILURE_COLUMNS, VOLATILE_COLUMNS, Layout
    from fundus_mtl.results._ledger import NothingUsableError
    from fundus_mtl.results._makers import Makers, Model, Stage
    from fundus_mtl.results._measure import Measure
    from fundus_mtl.results._merged_run import merge_runs
    from fundus_mtl.results._model_card import ModelCard
    from fundus_mtl.results._nifti_writer import write_nifti
    from fundus_mtl.results._output_errors import OutputError, write_output
    from fundus_mtl.results._output_folder import RUN
    from fundus_mtl.results._overlay import draw_overlay
    from fundus_mtl.results._photograph_measures import Measured
    from fundus_mtl.results._picture_bytes import picture_bytes
    from fundus_mtl.results._picture_paths import picture_name, picture_path
    from fundus_mtl.results._pictures import overlay_of, write_pictures
    from fundus_mtl.results._quality_role import Quality
    from fundus_mtl.results._relation import Relation
    from fundus_mtl.results._relations import RELATIONS
    from fundus_mtl.results._report import render_report
    from fundus_mtl.results._role import MaskRole, PointRole, Role, ScoreRole
    from fundus_mtl.results._rules import Rules
    from fundus_mtl.results._run_options import Provenance, RunOptions
    from fundus_mtl.results._vessel_role import Vessel
else:
    __getattr__, __dir__ = lazy_names(__name__)

__all__ = [
    "ALL_OK",
    "FAILURE_COLUMNS",
    "NOTHING_USABLE",
    "RELATIONS",
    "RUN",
    "SOME_FAILED",
    "VOLATILE_COLUMNS",
    "Answers",
    "ArteryVein",
    "Column",
    "ColumnGroup",
    "Columns",
    "Contribution",
    "Cup",
    "Disc",
    "Findings",
    "FolderResults",
    "Fovea",
    "Glaucoma",
    "GlaucomaScore",
    "Histogram",
    "KnownFacts",
    "Layout",
    "Makers",
    "MaskFile",
    "MaskRole",
    "Measure",
    "Measured",
    "Missing",
    "Model",
    "ModelCard",
    "NothingUsableError",
    "OutputError",
    "PhotographFacts",
    "PointRole",
    "Provenance",
    "Quality",
    "Quantity",
    "Relation",
    "ReportedQuantity",
    "Role",
    "Rules",
    "RunOptions",
    "ScoreRole",
    "Shown",
    "Stage",
    "UncertaintyColumn",
    "Value",
    "Vessel",
    "cell",
    "draw_overlay",
    "exit_code",
    "flip_spreads",
    "is_row",
    "masks_of_run",
    "merge_runs",
    "overlay_of",
    "picture_bytes",
    "picture_name",
    "picture_path",
    "plain_folders",
    "quantities_of_run",
    "render_report",
    "stays_inside",
    "table",
    "write_nifti",
    "write_output",
    "write_pictures",
]
