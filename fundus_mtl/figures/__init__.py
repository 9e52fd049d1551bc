"""Figures, tables and pages from data frames. Knows neither MLflow nor bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names

if TYPE_CHECKING:
    from fundus_mtl.figures._balance_of_methods import balance_of_methods
    from fundus_mtl.figures._balance_of_training import layers_of_training, steps_of_training
    from fundus_mtl.figures._comparison_page import comparison_page
    from fundus_mtl.figures._layers_of_methods import layers_of_methods, network_parts
    from fundus_mtl.figures._learning_curves import learning_curves
    from fundus_mtl.figures._learning_rate import metric_against_rate
    from fundus_mtl.figures._look import save_figure
    from fundus_mtl.figures._method_markup import comparison_csv, comparison_html, comparison_latex, comparison_markdown
    from fundus_mtl.figures._method_table import comparison_table
    from fundus_mtl.figures._overlay_colours import COLOURS, PREDICTIONS, TRUTH, Colour
    from fundus_mtl.figures._picture_grid import picture_grid
    from fundus_mtl.figures._picture_groups import picture_groups
    from fundus_mtl.figures._quartile_cases import quartile_cases
    from fundus_mtl.figures._roc_of_methods import roc_of_methods
    from fundus_mtl.figures._roc_of_scores import roc_of_scores
else:
    __getattr__, __dir__ = lazy_names(__name__)

__all__ = [
    "COLOURS",
    "PREDICTIONS",
    "TRUTH",
    "Colour",
    "balance_of_methods",
    "comparison_csv",
    "comparison_html",
    "comparison_latex",
    "comparison_markdown",
    "comparison_page",
    "comparison_table",
    "layers_of_methods",
    "layers_of_training",
    "learning_curves",
    "metric_against_rate",
    "network_parts",
    "picture_grid",
    "picture_groups",
    "quartile_cases",
    "roc_of_methods",
    "roc_of_scores",
    "save_figure",
    "steps_of_training",
]
