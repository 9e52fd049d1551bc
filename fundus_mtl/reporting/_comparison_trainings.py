"""The rows that a comparison starts from: checked, in floats, and named by fold and seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

Direction = Literal["higher", "lower"]
PAIR = "(fold, seed)"


def checked_trainings(trainings: pd.DataFrame, metrics: Mapping[str, Direction], costs: Sequence[str]) -> pd.DataFrame:
    """Return the rows with a column `PAIR`; what is not finite is NaN. See `comparison_table`.

    Raises:
        ValueError: if rows cannot be compared.
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
    # A fold that is not numbered (NaN) is a fold too, which grouping by the columns themselves would forget.
    rows[PAIR] = [str(pair) for pair in zip(rows["fold"], rows["seed"], strict=True)]
    counts = rows.groupby(["method", PAIR])[list(metrics)].count().max(axis=1)
    if twice := counts.index[counts > 1].tolist():
        raise ValueError(f"trainings: expected one value per method, fold and seed, but got several of {twice}.")
    return rows
