"""Remarks that a reader of a comparison needs beside the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fundus_mtl.comparison._definition import Comparison

if TYPE_CHECKING:
    import pandas as pd

_NADEAU = "Nadeau and Bengio, Inference for the Generalization Error, Machine Learning 52, 2003"


def remarks_of(comparison: Comparison, trainings: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return the remarks above the tables, and those on tests and costs below them."""
    above = ["Research use only.", *([comparison.note] if comparison.note else [])]
    failed = trainings[trainings["status"] != "finished"]
    if len(failed):
        above.append(f"{len(failed)} of {len(trainings)} trainings failed; the reasons are in failures.csv.")
    if len({digest for digest in trainings["data_sha256"] if digest}) > 1:
        above.append(
            "The trainings used different data (data_sha256 in trainings.csv): their numbers cannot be compared."
        )
    return above, [_tests(comparison), _costs(comparison)]


def _tests(comparison: Comparison) -> str:
    """Return what the pairs of the tests are, and what the tests cannot show."""
    seeds, folds = len(comparison.seeds), len(comparison.folds)
    if seeds * folds == 1:
        return "One training per method: no test is possible."
    pairs = (
        f"p-values are paired over seeds x folds ({seeds} x {folds}): a pair is two methods with the same seed and fold"
    )
    if folds > 1:
        return (
            f"{pairs}; the folds' trainings share photographs, so the pairs are not independent and p is too small "
            f"({_NADEAU})."
        )
    return (
        f"{pairs}; all trainings share one split, so p covers the randomness of training only; for other photographs "
        f"it is too small ({_NADEAU})."
    )


def _costs(comparison: Comparison) -> str:
    """Return the conditions under which times were measured."""
    workers = comparison.workers
    at_a_time = "one training" if workers == 1 else f"{workers} trainings"
    return (
        f"Times are wall clock, {at_a_time} at a time on one machine, which may have been running other programs; trainings "
        "of an earlier call may have been measured under other conditions."
    )


def facts_of(comparison: Comparison, trainings: pd.DataFrame) -> dict[str, str]:
    """Return short facts about the trainings by name."""
    finished = trainings["status"] == "finished"
    budget = comparison.budget
    limits = {"epochs": budget.epochs, "minutes": budget.minutes}
    seconds = trainings["training_seconds"].sum()
    return {
        "Trainings": f"{int(finished.sum())} of {len(trainings)} finished, {seconds / 3600:.1f} h in total",
        "Folds": ", ".join("the datalist's own split" if fold is None else str(fold) for fold in comparison.folds),
        "Seeds": ", ".join(map(str, comparison.seeds)),
        "Budget": ", ".join(f"{value} {name}" for name, value in limits.items() if value) or "the bundle's own",
        "Data (SHA-256)": ", ".join(sorted({digest[:16] for digest in trainings["data_sha256"] if digest})) or "–",
    }
