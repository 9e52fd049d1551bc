r"""Δ_MTL: how much better or worse the tasks got, on average, than networks trained for one task each.

Source: MAMG (see ``docs/methods.md``), Eq. 20 and 21. Task :math:`i` has the metrics :math:`j = 1 \dots m`, with
:math:`l_j = 1` where lower is better and 0 otherwise; :math:`T` is the number of tasks; both answers are in percent:

.. math::
    \Delta T_i = \frac{1}{m} \sum_j (-1)^{l_j} \frac{M_{T_i,j} - M_{STL,j}}{M_{STL,j}} \cdot 100\,\%, \qquad
    \Delta_{MTL} = \frac{1}{T} \sum_i \Delta T_i

Where we deviate: the paper's sum starts at :math:`j = 0` though it has m terms, a slip; and we divide by
:math:`|M_{STL,j}|`, the same for the paper's metrics, so that better stays better below a baseline of less than 0.
The paper's Tables I to IV come out as printed, within the rounding of their entries, but for three rows (see the tests).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import isfinite, nan
from statistics import fmean
from typing import NamedTuple


class DeltaMTL(NamedTuple):
    """The change of each task, their mean, and why some are not known.

    Args:
        per_task: ΔT_i, %, positive is better; NaN where it is not known.
        mean: Δ_MTL, %; NaN as soon as one task is.
        reasons: by task, why its change is NaN.
    """

    per_task: dict[str, float]
    mean: float
    reasons: dict[str, str]


def delta_mtl(
    values: Mapping[str, Mapping[str, float]],
    baseline: Mapping[str, Mapping[str, float]],
    lower_is_better: Collection[str] = (),
) -> DeltaMTL:
    """Compare a multi-task training with single-task ones.

    Every task and metric that either side names counts. One that the other side lacks, or whose value is NaN or
    infinite on either side, or whose baseline is 0, makes the task's change NaN, and with it the mean: a mean over
    what happens to be known would compare methods on different tasks.

    Args:
        values: ``{task: {metric: value}}`` of the multi-task training, in the metric's unit.
        baseline: the same of the single-task trainings.
        lower_is_better: names of the metrics that improve by falling, in whichever task.

    Returns:
        The changes in percent; tasks in the baseline's order.

    Raises:
        ValueError: if there is no task, or a name in ``lower_is_better`` is no metric.
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
    reasons = [] if metrics else ["it has no metric"]
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
