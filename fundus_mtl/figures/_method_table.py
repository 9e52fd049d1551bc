"""The table of a comparison as numbers: from one row per training to one row per method.

Sources: the tables of the MTL-IO and MT-COOL papers (mean and standard deviation, parameters and time as ratios, the best
    in bold, paired tests against it) and MAMG's Eq. 20 and 21 (`delta_mtl`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

Columns = dict[tuple[str, str, str], Any]

LEVELS = ("kind", "name", "statistic")
_COSTS = {
    "parameters": "parameters",
    "step_seconds": "step time",
    "training_seconds": "training time",
    "processor_seconds": "processor time",
}
_TESTS = {"mean_difference": nan, "n": 0, "t_p": nan, "t_p_holm": nan, "wilcoxon_p": nan, "wilcoxon_p_holm": nan}


def comparison_table(
    trainings: pd.DataFrame,
    metrics: Mapping[str, Direction],
    tasks: Mapping[str, Sequence[str]] | None = None,
    baseline: str = "joint",
    single_task: str | None = None,
    test_against: str | None = None,
) -> pd.DataFrame:
    """Summarise trainings by method.

    Rows with the same method, fold and seed are the networks of one training, such as one per task: each metric is in one
    of them, and their costs are added. NaN and infinite values are unknown.

    Args:
        trainings: columns ``method``, ``fold``, ``seed``, the metrics, and optionally the costs ``parameters``,
            ``step_seconds``, ``training_seconds``, ``processor_seconds``.
        metrics: columns to compare, each with the direction in which it improves.
        tasks: metrics by task, for ΔT_i and Δ_MTL.
        baseline: method whose costs are the unit of the ratios.
        single_task: method that the changes ΔT_i are relative to; None for no such columns.
        test_against: method that the others are tested against; None for the best of each metric.

    Returns:
        One row per method, as they appear; columns ``(kind, name, statistic)``:
        ``("higher" | "lower", metric, …)``: ``mean std n`` (std with n - 1; n counts fold and seed), ``best`` (bool),
        and the columns of `paired_tests` against the first of the best, or against ``test_against``, as ``test_*``, NaN in
        that row; ``("cost", column, "mean")`` and ``("ratio", "parameters / joint", "value")``, over the trainings with all
        their networks; ``("delta", task, "percent")`` and ``("delta_mtl", single_task, "percent")``, of the means;
        ``("reference", test_against, "is_reference")`` (bool) if it is given; ``("note", "", "text")``: what is missing,
        and why.

    Raises:
        ValueError: if there is no training, a column or method is missing, a direction, a task's metric or
            ``test_against`` is unknown, or two rows have the same metric of the same method, fold and seed.
    """
    import pandas as pd

    if unknown := sorted({name for names in (tasks or {}).values() for name in names} - set(metrics)):
        raise ValueError(f"tasks: expected names among the metrics {list(metrics)}, but got {unknown}.")
    costs = [name for name in _COSTS if name in trainings]
    rows = checked_trainings(trainings, metrics, costs)
    methods = pd.Index(list(dict.fromkeys(rows["method"])), name="method")
    if test_against is not None and test_against not in methods:
        raise ValueError(f"test_against: expected one of {', '.join(methods)}, but got {test_against}.")
    columns: Columns = {}
    for metric, better in metrics.items():
        wide = rows.pivot_table(index=PAIR, columns="method", values=metric, aggfunc="first")
        columns |= _metric(wide.reindex(columns=methods).astype(float), metric, better, test_against)
    notes: dict[str, list[str]] = {method: [] for method in methods}
    measured = rows[rows[list(metrics)].notna().any(axis=1)]
    for name in costs:
        columns |= _cost(measured, name, methods, baseline, notes)
    if tasks and single_task is not None:
        means = {m: columns[better, m, "mean"] for m, better in metrics.items()}
        columns |= _deltas(pd.DataFrame(means), metrics, tasks, single_task, notes)
    if test_against is not None:
        columns["reference", test_against, "is_reference"] = methods == test_against
    columns["note", "", "text"] = pd.Series({method: "; ".join(texts) for method, texts in notes.items()}, dtype=object)
    return pd.DataFrame(columns, index=methods).rename_axis(columns=list(LEVELS))


def _metric(wide: pd.DataFrame, metric: str, better: Direction, test_against: str | None) -> Columns:
    """Return the columns of a metric, given one row per pair of fold and seed, and one column per method."""
    from fundus_mtl.metrics import paired_tests

    means = wide.mean()
    extreme = means.max() if better == "higher" else means.min()
    best = np.isclose(means, extreme, rtol=1e-12, atol=0)
    columns = {"mean": means, "std": wide.std(ddof=1), "n": wide.count(), "best": best}
    if best.any():
        reference = test_against or wide.columns.tolist()[int(best.argmax())]
        tests = paired_tests(wide, reference, lower_is_better=better == "lower").reindex(wide.columns)
        columns |= {f"test_{name}": tests[name].fillna(fill).astype(type(fill)) for name, fill in _TESTS.items()}
        columns["test_reason"] = tests["reason"].fillna("")
    else:
        columns |= {f"test_{name}": fill for name, fill in _TESTS.items()} | {"test_reason": "no training has it"}
    return {(better, metric, name): column for name, column in columns.items()}


def _cost(measured: pd.DataFrame, name: str, methods: pd.Index, baseline: str, notes: dict[str, list[str]]) -> Columns:
    """Return the mean of a cost and its ratio to the baseline, over the trainings with all their networks."""
    grouped = measured.groupby(["method", PAIR], sort=False)[name]
    networks = grouped.size()
    whole = networks == networks.groupby("method").transform("max")
    total = grouped.agg(lambda column: column.sum(skipna=False))[whole]
    means = total.groupby("method").mean().reindex(methods)
    ratios = means / (means.get(baseline, nan) or nan)
    for method in methods[ratios.isna()]:
        notes[method].append(f"{_COSTS[name]} of {baseline if means.notna()[method] else method} is not known")
    return {("cost", name, "mean"): means, ("ratio", f"{_COSTS[name]} / {baseline}", "value"): ratios}


def _deltas(
    means: pd.DataFrame,
    metrics: Mapping[str, Direction],
    tasks: Mapping[str, Sequence[str]],
    single_task: str,
    notes: dict[str, list[str]],
) -> Columns:
    """Return ΔT_i and Δ_MTL of every method, and add reasons for unknown values to the notes."""
    import pandas as pd

    from fundus_mtl.metrics import delta_mtl

    known = means.to_dict("index")
    lower = {name for names in tasks.values() for name in names if metrics[name] == "lower"}

    def of(method: str) -> dict[str, dict[str, float]]:
        return {task: {name: known.get(method, {}).get(name, nan) for name in names} for task, names in tasks.items()}

    deltas = {method: delta_mtl(of(method), of(single_task), lower) for method in means.index}
    for method, delta in deltas.items():
        notes[method] += [f"ΔT {task} against {single_task}: {reason}" for task, reason in delta.reasons.items()]
    columns: Columns = {
        ("delta", task, "percent"): pd.Series({method: delta.per_task[task] for method, delta in deltas.items()})
        for task in tasks
    }
    columns["delta_mtl", single_task, "percent"] = pd.Series({method: delta.mean for method, delta in deltas.items()})
    return columns


Direction = Literal["higher", "lower"]
PAIR = "(fold, seed)"


def checked_trainings(trainings: pd.DataFrame, metrics: Mapping[str, Direction], costs: Sequence[str]) -> pd.DataFrame:
    """Return the rows with a column `PAIR`; values that are not finite become NaN. See `comparison_table`.

    Raises:
        ValueError: if the rows cannot be compared.
    """
    if missing := [name for name in ("method", "fold", "seed", *metrics) if name not in trainings]:
        raise ValueError(f"trainings: expected one row per training, but got no column {', '.join(missing)}.")
    if wrong := {name: better for name, better in metrics.items() if better not in ("higher", "lower")}:
        raise ValueError(f"metrics: expected 'higher' or 'lower' for each, but got {wrong}.")
    if trainings.empty or trainings["method"].isna().any():
        raise ValueError(f"trainings: expected a method in each row, but got {trainings['method'].tolist()}.")
    rows, numbers = trainings.reset_index(drop=True), [*metrics, *costs]
    rows[numbers] = rows[numbers].astype(float)
    rows[numbers] = rows[numbers].where(np.isfinite(rows[numbers]))
    # As text, because pandas would drop rows whose fold is NaN from a group.
    rows[PAIR] = [str(pair) for pair in zip(rows["fold"], rows["seed"], strict=True)]
    counts = rows.groupby(["method", PAIR])[list(metrics)].count().max(axis=1)
    if twice := counts.index[counts > 1].tolist():
        raise ValueError(f"trainings: expected one value per method, fold and seed, but got several of {twice}.")
    return rows
