"""The rows that a figure is drawn from: checked, in floats, summed up over the trainings of a method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

Spread = Literal["std", "range"]
TRAINING = "(fold, seed)"
SPREADS = {"std": "± 1 standard deviation", "range": "lowest to highest"}


def checked_rows(what: str, frame: pd.DataFrame, columns: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    """Return the rows with methods as text and a column `TRAINING`; numbers that are not finite are NaN.

    Args:
        what: the argument's name, for the error.
        frame: to check; without rows it needs no columns.
        columns: that it must have.
        numbers: those of them that become floats.

    Raises:
        ValueError: if a column, or a row's method, is missing.
    """
    if not len(frame):
        return frame.reindex(columns=[*dict.fromkeys([*columns, *numbers, TRAINING])])
    if missing := [name for name in columns if name not in frame]:
        raise ValueError(f"{what}: expected the columns {', '.join(columns)}, but got no {', '.join(missing)}.")
    if frame["method"].isna().any():
        raise ValueError(f"{what}: expected a method in each row, but got {int(frame['method'].isna().sum())} without.")
    rows = frame.reset_index(drop=True).assign(method=frame["method"].astype(str).tolist())
    rows[list(numbers)] = rows[list(numbers)].astype(float)
    rows[list(numbers)] = rows[list(numbers)].where(np.isfinite(rows[list(numbers)]))
    # As text, since a fold that is not numbered (NaN) is a fold too, which a group would lose.
    names = [rows[name].astype(str) for name in ("fold", "seed") if name in rows]
    rows[TRAINING] = list(map(str, zip(*names, strict=True))) if names else ""
    return rows


def order(rows: pd.DataFrame, methods: Sequence[str] | None) -> list[str]:
    """Return the named methods, present or not, then the others of the rows as they appear."""
    return list(dict.fromkeys([*map(str, methods or ()), *rows["method"]]))


def summed_up(rows: pd.DataFrame, by: str, value: str, spread: Spread) -> pd.DataFrame:
    """Return one row per ``by``: columns ``mean low high n`` over the trainings that have the value there.

    A value that a training logged twice, as after a resume, counts once, the last time. With one training there is no
    spread: ``low`` and ``high`` are NaN.
    """
    import pandas as pd

    known = rows.dropna(subset=[by, value]).drop_duplicates([TRAINING, by], keep="last")
    grouped = known.groupby(by)[value]
    mean, count = grouped.mean(), grouped.count()
    if spread == "std":
        low, high = mean - grouped.std(ddof=1), mean + grouped.std(ddof=1)
    elif spread == "range":
        low, high = grouped.min().where(count > 1), grouped.max().where(count > 1)
    else:
        raise ValueError(f"spread: expected one of {', '.join(SPREADS)}, but got {spread!r}.")
    return pd.DataFrame({"mean": mean, "low": low, "high": high, "n": count})


def present(rows: pd.DataFrame, methods: Sequence[str] | None) -> dict[str, int]:
    """Return the number of trainings of each method that has rows, in order."""
    found = {method: int(rows.loc[rows["method"] == method, TRAINING].nunique()) for method in order(rows, methods)}
    return {method: number for method, number in found.items() if number}


def trainings(rows: pd.DataFrame, value: str) -> dict[str, int]:
    """Return of how many trainings each method has the value."""
    known = rows.dropna(subset=[value])
    return {str(method): int(number) for method, number in known.groupby("method")[TRAINING].nunique().items()}


def spread_note(most: int, spread: Spread) -> str:
    """Say what lines and bands are, given the highest number of trainings of a method."""
    if most < 2:
        return "one training per method (n = 1): no bands"
    return f"lines: means over the n trainings (fold, seed); bands: {SPREADS[spread]}"
