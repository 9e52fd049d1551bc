"""The rows of a figure: checked, converted to floats, summarised over the trainings of a method."""

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
    """Return the rows with methods as text and a column `TRAINING`; numbers that are not finite become NaN.

    Args:
        what: name of the argument, for the error message.
        frame: data frame to check; its columns are not checked if it has no rows.
        columns: required columns.
        numbers: columns that become floats.

    Raises:
        ValueError: if a column, or the method of a row, is missing.
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
    # As text, because pandas would drop rows whose fold is NaN from a group.
    names = [rows[name].astype(str) for name in ("fold", "seed") if name in rows]
    rows[TRAINING] = list(map(str, zip(*names, strict=True))) if names else ""
    return rows


def order(rows: pd.DataFrame, methods: Sequence[str] | None) -> list[str]:
    """Return the given methods, with or without rows, then the other methods of the rows as they appear."""
    return list(dict.fromkeys([*map(str, methods or ()), *rows["method"]]))


def summarise_trainings(rows: pd.DataFrame, by: str, value: str, spread: Spread) -> pd.DataFrame:
    """Return one row per value of ``by``, with columns ``mean low high n`` over the trainings that have a value there.

    Of values that a training logged twice, for example after a resume, the last one is used. With one training, ``low`` and
    ``high`` are NaN.
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
    """Return the number of trainings of each method with rows, in order."""
    found = {method: int(rows.loc[rows["method"] == method, TRAINING].nunique()) for method in order(rows, methods)}
    return {method: number for method, number in found.items() if number}


def trainings(rows: pd.DataFrame, value: str) -> dict[str, int]:
    """Return the number of trainings with a value, by method."""
    known = rows.dropna(subset=[value])
    return {str(method): int(number) for method, number in known.groupby("method")[TRAINING].nunique().items()}


def spread_note(most: int, spread: Spread) -> str:
    """Return the title that explains lines and bands, given the highest number of trainings of a method."""
    if most < 2:
        return "one training per method (n = 1): no bands"
    return f"lines: means over the n trainings (fold, seed); bands: {SPREADS[spread]}"
