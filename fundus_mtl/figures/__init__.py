"""Data frames in; pictures, tables and pages out. Knows neither MLflow nor bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.lazy_names import lazy_names

if TYPE_CHECKING:
    from fundus_mtl.figures._balance_of_methods import balance_comparison
    from fundus_mtl.figures._balance_of_training import layers_figure, steps_figure
    from fundus_mtl.figures._case_panel import case_panel
    from fundus_mtl.figures._layers_of_methods import balance_layers, parts_of
    from fundus_mtl.figures._learning_curves import learning_curves
    from fundus_mtl.figures._learning_rate import metric_against_rate
    from fundus_mtl.figures._method_markup import comparison_csv, comparison_html, comparison_latex, comparison_markdown
    from fundus_mtl.figures._method_table import comparison_table
    from fundus_mtl.figures._page import comparison_page
    from fundus_mtl.figures._quartile_cases import quartile_cases
    from fundus_mtl.figures._roc_of_methods import roc_with_bands
    from fundus_mtl.figures._roc_of_scores import roc_figure
else:
    __getattr__, __dir__ = lazy_names(__name__)

__all__ = [
    "balance_comparison",
    "balance_layers",
    "case_panel",
    "comparison_csv",
    "comparison_html",
    "comparison_latex",
    "comparison_markdown",
    "comparison_page",
    "comparison_table",
    "layers_figure",
    "learning_curves",
    "metric_against_rate",
    "parts_of",
    "quartile_cases",
    "roc_figure",
    "roc_with_bands",
    "steps_figure",
]
