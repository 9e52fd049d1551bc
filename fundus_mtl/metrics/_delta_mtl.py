r"""Δ_MTL: mean relative change of the tasks' metrics, compared with networks trained for one task each.

Source: MAMG (see ``docs/methods.md``), Eq. 20 and 21. Task :math:`i` has the metrics :math:`j = 1 \dots m`, with
:math:`l_j = 1` if lower is better and 0 otherwise; :math:`T` is the number of tasks; both results are in percent:

.. math::
    \Delta T_i = \frac{1}{m} \sum_j (-1)^{l_j} \frac{M_{T_i,j} - M_{STL,j}}{M_{STL,j}} \cdot 100\,\%, \qquad
    \Delta_{MTL} = \frac{1}{T} \sum_i \Delta T_i

Deviations from the paper: its sum starts at :math:`j = 0` although it has m terms, which is a misprint. The divisor
here is :math:`|M_{STL,j}|`, so that an improvement stays positive if the baseline is negative; for the paper's metrics
this is the same. The paper's Tables I to IV are reproduced within the rounding of their entries, except for three rows
(see the tests).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import isfinite, nan
from statistics import fmean
from typing import NamedTuple


class DeltaMTL(NamedTuple):
    """The change of each task, the mean of the changes, and why some are unknown.

    Args:
        per_task: ΔT_i, %, positive is better; NaN if unknown.
        mean: Δ_MTL, %; NaN if the change of any task is NaN.
        reasons: Reason why a change is NaN, by task.
    """

    per_task: dict[str, float]
    mean: float
    reasons: dict[str, str]


def delta_mtl(
    values: Mapping[str, Mapping[str, float]],
    baseline: Mapping[str, Mapping[str, float]],
    lower_is_better: Collection[str] = (),
) -> DeltaMTL:
    """Compare a multi-task training with single-task trainings.

    All tasks and metrics of both sides count. The change of a task is NaN if one of its metrics is missing on one side,
    is NaN or infinite, or has the baseline 0. The mean is then NaN too, because a mean over the known tasks only would
    compare methods on different tasks.

    Args:
        values: ``{task: {metric: value}}`` of the multi-task training, in the unit of the metric.
        baseline: The same for the single-task trainings.
        lower_is_better: Names of the metrics for which lower values are better, in all tasks.

    Returns:
        The changes in percent, with the tasks in the order of the baseline.

    Raises:
        ValueError: if there is no task, or a name in ``lower_is_better`` is not a metric.
    """
    names = {metric for side in (values, baseline) for metrics in side.values() for metric in metrics}
    if unknown := sorted(set(lower_is_better) - names):
        raise ValueError(f"lower_is_better: expected names among {sorted(names)}, but got {unknown}.")
    tasks = [*baseline, *(task for task in values if task not in baseline)]
    if not tasks:
        raise ValueError("values: expected at least one task, but got none.")
    per_task, reasons = {}, {}
    for task in tasks:
        per_task[task], reason = _change(values.get(task, {}), baseline.get(task, {}), set(lower_is_better))
        if reason:
            reasons[task] = reason
    return DeltaMTL(per_task, fmean(per_task.values()), reasons)


def _change(values: Mapping[str, float], baseline: Mapping[str, float], lower: set[str]) -> tuple[float, str]:
    """Return ΔT_i of one task, or NaN and the reason."""
    metrics = [*baseline, *(metric for metric in values if metric not in baseline)]
    reasons = [] if metrics else ["the task has no metric"]
    changes = []
    for metric in metrics:
        value, base = values.get(metric, nan), baseline.get(metric, nan)
        if not isfinite(value):
            reasons.append(f"{metric} is not known")
        if not isfinite(base):
            reasons.append(f"the baseline's {metric} is not known")
        elif base == 0:
            reasons.append(f"the baseline's {metric} is 0")
        if not reasons:
            changes.append((-1 if metric in lower else 1) * (value - base) / abs(base) * 100)
    return (nan, "; ".join(reasons)) if reasons else (fmean(changes), "")
