"""Write a comparison's tables, and its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fundus_mtl.comparison._config import Comparison
from fundus_mtl.comparison._frames import KEYS, Frames
from fundus_mtl.whole_file import whole_file

if TYPE_CHECKING:
    import pandas as pd

Figure = tuple[str, bytes | None]


def write_tables(comparison: Comparison, frames: Frames) -> tuple[dict[str, Path], dict[str, float], str]:
    """Write ``trainings.csv``, ``curves.csv`` …, a table per frame, and ``comparison.md .csv .tex .html``.

    Returns:
        The files by name; means by ``<method>/<metric>``; the table as a fragment of HTML. Without any finished training
        there is no comparison, and the last two are empty.
    """
    from fundus_mtl.reporting import (
        comparison_csv,
        comparison_html,
        comparison_latex,
        comparison_markdown,
        comparison_table,
    )

    failed = frames.trainings["status"] != "finished"
    kept = {**vars(frames), "trainings": frames.trainings.drop(columns="reason")}
    kept["failures"] = frames.trainings.loc[failed, [*KEYS, "network", "reason"]]
    texts = {f"{name}.csv": _csv(frame) for name, frame in kept.items() if len(frame)}
    means: dict[str, float] = {}
    fragment = ""
    if not failed.all():
        table = comparison_table(
            frames.trainings, comparison.metrics, comparison.tasks, comparison.baseline, comparison.single_task
        )
        remarks = _remarks(comparison, frames.trainings)
        fragment = comparison_html(table)
        texts |= {
            "comparison.md": "\n".join([*remarks, "", comparison_markdown(table)]),
            "comparison.csv": comparison_csv(table),
            "comparison.tex": comparison_latex(table),
        }
        means = _means(table, comparison.metrics)
    (comparison.output_dir / "failures.csv").unlink(missing_ok=True)  # of an earlier call
    files = {name: _write(comparison.output_dir / name, text) for name, text in texts.items()}
    return files, means, fragment


def write_page(comparison: Comparison, frames: Frames, fragment: str, figures: Sequence[Figure] = ()) -> Path:
    """Write ``comparison.html``, a page that needs nothing beside it."""
    from fundus_mtl.reporting import comparison_page

    facts = facts_of(comparison, frames.trainings)
    page = comparison_page(f"{Path(comparison.bundle).name}: {comparison.name}", fragment, figures, facts)
    return _write(comparison.output_dir / "comparison.html", page)


def facts_of(comparison: Comparison, trainings: pd.DataFrame) -> dict[str, str]:
    """Return what a reader must know of the trainings, in short."""
    finished = trainings["status"] == "finished"
    budget = comparison.budget
    limits = {"epochs": budget.epochs, "minutes": budget.minutes}
    seconds = trainings["training_seconds"].sum()
    return {
        "Trainings": f"{int(finished.sum())} of {len(trainings)} finished, {seconds / 3600:.1f} h in all",
        "Folds": ", ".join("the datalist's own split" if fold is None else str(fold) for fold in comparison.folds),
        "Seeds": ", ".join(map(str, comparison.seeds)),
        "Budget": ", ".join(f"{value} {name}" for name, value in limits.items() if value) or "the bundle's own",
        "Data (SHA-256)": ", ".join(sorted({digest[:16] for digest in trainings["data_sha256"] if digest})) or "–",
        **({"Note": comparison.note} if comparison.note else {}),
    }


def _remarks(comparison: Comparison, trainings: pd.DataFrame) -> list[str]:
    lines = ["Research use only.", *([comparison.note] if comparison.note else [])]
    failed = trainings[trainings["status"] != "finished"]
    if len(failed):
        lines.append(f"{len(failed)} of {len(trainings)} trainings failed; the reasons are in failures.csv.")
    if len({digest for digest in trainings["data_sha256"] if digest}) > 1:
        lines.append("The trainings saw different data (data_sha256 in trainings.csv): their numbers do not compare.")
    return lines


def _means(table: pd.DataFrame, metrics: Mapping[str, Any]) -> dict[str, float]:
    means: dict[str, float] = {}
    columns: list[Any] = table.columns.tolist()
    for kind, name, statistic in columns:
        if name in metrics and kind == metrics[name] and statistic in ("mean", "std"):
            ending = "" if statistic == "mean" else "_std"
            column: Any = table[kind, name, statistic]
            means |= {f"{method}/{name}{ending}": float(value) for method, value in column.items() if value == value}
    return means


def _csv(frame: pd.DataFrame) -> str:
    """Return CSV in which no text can start a formula in a spreadsheet."""
    risky = ("=", "+", "-", "@", "\t", "\r")
    harmless = frame.map(lambda value: f"'{value}" if isinstance(value, str) and value.startswith(risky) else value)
    return str(harmless.to_csv(index=False, lineterminator="\n"))


def _write(path: Path, text: str) -> Path:
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="")
    return path
