"""Pictures of the methods side by side: the worst, the median and the best cases, and the quartiles between.

Source: Wu et al., MT-COOL, Fig. 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from math import nan
from typing import TYPE_CHECKING, Any

from fundus_mtl.comparison._definition import Comparison, Direction
from fundus_mtl.comparison._kept_pictures import PARTS, PHOTOGRAPH, PREDICTION, TRUTH
from fundus_mtl.comparison._planned_figure import PlannedFigure
from fundus_mtl.comparison._result_frames import ResultFrames

if TYPE_CHECKING:
    import pandas as pd

_QUARTILES = {0.0: "worst", 0.25: "lower quartile", 0.5: "median", 0.75: "upper quartile", 1.0: "best"}
_AVERAGES = ("", "_mean", "_median")  # endings of a summary's metric that is the average of a column of cases


def method_pictures(comparison: Comparison, frames: ResultFrames) -> Iterator[PlannedFigure]:
    """List one figure per metric, if the evaluations kept pictures of their cases."""
    if not frames.pictures[PREDICTION].notna().any():
        if comparison.panel_metrics:
            yield _missing("panel_metrics", "no evaluation kept pictures; set evaluate_options: {keep_cases: true}")
        return
    known = set(map(str, frames.cases))
    for name in [name for name in comparison.panel_metrics if not _column(name, known)]:
        yield _missing(name, "the evaluations' per_case.csv does not have this column")
    for column, better in panel_columns(comparison, frames.cases).items():
        whose = f"the trainings of {comparison.panel_method}" if comparison.panel_method else "methods and trainings"
        caption = (
            f"Cases by {column}. From the worst to the best of all test cases by the mean of {column} over "
            f"{whose} ({better} is better). Each method's picture is of its first training that has one, and the number "
            "below it is that training's."
        )
        yield PlannedFigure(
            f"cases_{column}", caption, partial(_panel, comparison, frames, column, better), of_cases=True
        )


def _missing(name: str, why: str) -> PlannedFigure:
    return PlannedFigure(f"cases_{name}", f"Cases by {name}.", lambda: why)


def panel_columns(comparison: Comparison, cases: pd.DataFrame) -> dict[str, Direction]:
    """Return the columns of the cases that the figures are ordered by, with the direction in which each improves.

    A metric of a summary is the name of a column, or the average of a column, ``<column>_mean``. The default is the first
    such metric of each task; without tasks, the first of all.
    """
    known = set(map(str, cases))
    columns = {metric: _column(metric, known) for metric in comparison.metrics}
    asked: list[Sequence[str]] = [[name] for name in comparison.panel_metrics]
    groups = asked or list(comparison.tasks.values()) or [list(columns)]
    chosen = [next((metric for metric in group if columns[metric]), None) for group in groups]
    return {columns[metric]: comparison.metrics[metric] for metric in chosen if metric is not None}


def _column(metric: str, known: set[str]) -> str:
    """Return the column of a metric; empty if there is no such column."""
    ends = [metric.removesuffix(ending) for ending in _AVERAGES if metric.endswith(ending)]
    return next((name for name in ends if name in known), "")


def _panel(comparison: Comparison, frames: ResultFrames, column: str, better: Direction) -> bytes | None:
    """Draw the figure of a column, one row of pictures per case, without the names of the cases."""
    import pandas as pd

    from fundus_mtl.figures import picture_grid, quartile_cases

    rows = frames.cases[["id", "method", "network", column]].join(frames.pictures)
    rows = rows[rows["id"].isin(rows.loc[rows[list(PARTS)].notna().any(axis=1), "id"])]
    ranked = rows if comparison.panel_method is None else rows[rows["method"] == comparison.panel_method]
    picked = quartile_cases(
        ranked, column, list(_QUARTILES) if better == "higher" else [1 - share for share in _QUARTILES]
    )
    methods = [method.name for method in comparison.methods if (rows["method"] == method.name).any()]
    pictures, values = {}, {}
    for case, shares in picked.items():
        line = ",\n".join(_QUARTILES[share if better == "higher" else 1 - share] for share in shares)
        pictures[line], values[line] = _line(rows[rows["id"] == case], column, methods)
    shown = pd.DataFrame.from_dict(pictures, orient="index", dtype=object)
    form = column.replace("{", "{{").replace("}", "}}") + " {:.3f}"
    return picture_grid(
        shown.drop(columns=[name for name in (PHOTOGRAPH, TRUTH) if name in shown and shown[name].isna().all()]),
        values=pd.DataFrame.from_dict(values, orient="index", dtype=float),
        form=form,
    )


def _line(rows: pd.DataFrame, column: str, methods: Sequence[str]) -> tuple[dict[str, Any], dict[str, float]]:
    """Return the pictures of a case by heading, and the values by method.

    Photograph and truth are taken from a network of all tasks, if there is one, because it has the labels of all tasks.
    """
    seen = rows[rows[PHOTOGRAPH].notna()].sort_values("network", key=lambda name: name != "", kind="stable")
    pictures: dict[str, Any] = {part: None if seen.empty else seen[part].iloc[0] for part in (PHOTOGRAPH, TRUTH)}
    values: dict[str, float] = {}
    for method in methods:
        measured = rows[(rows["method"] == method) & rows[column].notna()]
        measured = measured.sort_values(PREDICTION, key=lambda part: part.isna(), kind="stable")  # those with a picture
        pictures[method] = None if measured.empty else measured[PREDICTION].iloc[0]
        values[method] = nan if measured.empty else float(measured[column].iloc[0])
    return pictures, values
