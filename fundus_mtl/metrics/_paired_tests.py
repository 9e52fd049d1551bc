"""Paired tests (t, Wilcoxon) of methods on the same folds and seeds, with Holm's correction.

Sources: Student, The Probable Error of a Mean, Biometrika 1908; Wilcoxon, Individual Comparisons by Ranking Methods,
    Biometrics Bulletin 1945; Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of
    Statistics 1979. The tests are SciPy's, two-sided. Both assume independent pairs. Folds that share training data are
    not independent, and the p-values are then too small. Wilcoxon's p-value cannot be below 2^(1 - n): 0.0625 with five
    pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("mean_difference", "n", "t_p", "t_p_holm", "wilcoxon_p", "wilcoxon_p_holm", "reason")
_NOISE = 1e-12  # relative to the largest value: rounding error of a difference of doubles that should be 0


def paired_tests(
    values: Mapping[str, Sequence[float] | pd.Series] | pd.DataFrame, against: str, lower_is_better: bool = False
) -> pd.DataFrame:
    """Test each method against a reference method with paired tests.

    A pair counts if both methods have a finite value. The Wilcoxon test ignores differences of 0. Its p-value is exact
    for up to 50 pairs, or 13 if differences are tied; for more, SciPy's normal approximation is used. Differences that
    are equal within rounding, such as 0.9 - 0.8 and 0.7 - 0.6, are tied.

    Args:
        values: One column per method with one row per fold and seed; or sequences of equal length, paired by position;
            or series, paired by their index. NaN if a training is missing.
        against: Name of the reference method.
        lower_is_better: Whether lower values are better. Changes only the sign of the mean difference.

    Returns:
        One row per other method: ``mean_difference`` (in the unit of the values, positive if the method is better than
        ``against``), the number of pairs ``n``, ``t_p``, ``wilcoxon_p``, both corrected for the number of methods
        (``*_holm``), and ``reason``: which values are missing, or why a p-value is NaN (fewer than two pairs, all
        differences 0, or a t test without spread).

    Raises:
        ValueError: if ``against`` is not a method, the sequences differ in length, or a pair occurs twice.
    """
    import pandas as pd

    table = _columns(values)
    if against not in table:
        raise ValueError(f"against: expected one of {list(table)}, but got {against!r}.")
    reference, sign = table[against].to_numpy(), -1 if lower_is_better else 1
    lines = {name: _compare(table[name].to_numpy(), reference, sign) for name in table if name != against}
    tests = pd.DataFrame.from_dict(lines, orient="index", columns=list(COLUMNS))
    for test in ("t_p", "wilcoxon_p"):
        tests[f"{test}_holm"] = holm(tests[test])
    return tests.astype(dict.fromkeys(("mean_difference", "t_p", "wilcoxon_p"), float)).rename_axis("method")


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Correct p-values ``(M,)`` with Holm's method: the k-th smallest times M - k + 1, at most 1, non-decreasing.

    NaN stays NaN and is not counted in M.

    Raises:
        ValueError: if a p-value is not between 0 and 1.
    """
    raw = np.asarray(p_values, dtype=float)
    if ((raw < 0) | (raw > 1)).any():
        raise ValueError(f"p_values: expected numbers between 0 and 1, but got {raw.tolist()}.")
    known = np.flatnonzero(~np.isnan(raw))
    order = known[np.argsort(raw[known])]
    corrected = np.full(raw.shape, nan)
    corrected[order] = np.minimum(1, np.maximum.accumulate(raw[order] * np.arange(len(order), 0, -1)))
    return corrected


def _columns(values: Mapping[str, Sequence[float] | pd.Series] | pd.DataFrame) -> pd.DataFrame:
    """Return one column of floats per method; values that are not finite become NaN."""
    import pandas as pd

    lengths = {name: len(column) for name, column in values.items()}
    aligned = any(isinstance(column, pd.Series) for _, column in values.items())
    if not aligned and len(set(lengths.values())) > 1:
        raise ValueError(f"values: expected sequences of equal length, but got {lengths}; use NaN for missing values.")
    table = pd.DataFrame(values).astype(float)
    if table.index.has_duplicates:
        twice = table.index[table.index.duplicated()].unique().tolist()
        raise ValueError(f"values: expected one row per fold and seed, but got several for {twice}.")
    return table.where(np.isfinite(table))


def _compare(method: NDArray[np.float64], reference: NDArray[np.float64], sign: int) -> dict[str, Any]:
    """Test two columns; the caller adds the corrected p-values."""
    known = ~np.isnan(method) & ~np.isnan(reference)
    possible = int((~np.isnan(method) | ~np.isnan(reference)).sum())
    differences = sign * (method - reference)[known]
    n = len(differences)
    line: dict[str, Any] = {"mean_difference": differences.mean() if n else nan, "n": n, "t_p": nan, "wilcoxon_p": nan}
    reasons = [] if n == possible else [f"{n} of {possible} pairs have both"]
    if n < 2:
        return {**line, "reason": "; ".join([*reasons, "a test needs two pairs"])}
    scale = np.abs([method[known], reference[known]]).max() or 1.0
    clean = np.round(differences / scale / _NOISE)  # so that rounding errors do not break ties, see SciPy's wilcoxon
    moved = clean[clean != 0]
    if np.ptp(differences) > _NOISE * scale:
        line["t_p"] = float(stats.ttest_1samp(differences, 0).pvalue)
    elif len(moved):
        reasons.append("no t: all differences are equal")
    if len(moved):
        line["wilcoxon_p"] = float(stats.wilcoxon(moved).pvalue)
    if len(moved) < n:
        reasons.append(f"{n - len(moved)} of {n} differences are 0")
    return {**line, "reason": "; ".join(reasons)}
