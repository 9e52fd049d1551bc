"""Write the tables of a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundus_mtl.comparison._definition import Comparison
from fundus_mtl.comparison._remarks import remarks_of
from fundus_mtl.comparison._result_frames import KEYS, ResultFrames
from fundus_mtl.files import csv_text, write_whole

if TYPE_CHECKING:
    import pandas as pd


def write_comparison_tables(
    comparison: Comparison, frames: ResultFrames
) -> tuple[dict[str, Path], dict[str, float], str]:
    """Write ``trainings.csv``, ``curves.csv`` …, a table per frame, and ``comparison.md .csv .tex``.

    Returns:
        The files by name; means by ``<method>/<metric>``; the table as a fragment of HTML. The last two are empty if no
        training has finished.
    """
    from fundus_mtl.figures import (
        comparison_csv,
        comparison_html,
        comparison_latex,
        comparison_markdown,
        comparison_table,
    )

    failed = frames.trainings["status"] != "finished"
    kept = {**frames.tables(), "trainings": frames.trainings.drop(columns="reason")}
    kept["failures"] = frames.trainings.loc[failed, [*KEYS, "network", "reason"]]
    texts = {f"{name}.csv": csv_text(frame) for name, frame in kept.items() if len(frame)}
    means: dict[str, float] = {}
    fragment = ""
    if not failed.all():
        table = comparison_table(
            frames.trainings,
            comparison.metrics,
            comparison.tasks,
            comparison.baseline,
            comparison.single_task,
            comparison.test_against,
        )
        above, below = remarks_of(comparison, frames.trainings)
        listed = "".join(f"- {remark}\n" for remark in below)
        fragment = comparison_html(table)
        texts |= {
            "comparison.md": "\n".join([*above, "", comparison_markdown(table) + listed]),
            "comparison.csv": comparison_csv(table),
            "comparison.tex": comparison_latex(table),
        }
        means = _means(table, comparison.metrics)
    (comparison.output_dir / "failures.csv").unlink(missing_ok=True)  # of an earlier call
    files = {name: write_whole(comparison.output_dir / name, text) for name, text in texts.items()}
    return files, means, fragment


def _means(table: pd.DataFrame, metrics: Mapping[str, Any]) -> dict[str, float]:
    means: dict[str, float] = {}
    columns: list[Any] = table.columns.tolist()
    for kind, name, statistic in columns:
        if name in metrics and kind == metrics[name] and statistic in ("mean", "std"):
            ending = "" if statistic == "mean" else "_std"
            column: Any = table[kind, name, statistic]
            means |= {f"{method}/{name}{ending}": float(value) for method, value in column.items() if value == value}
    return means
