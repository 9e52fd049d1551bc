"""Build MT-COOL's Table 3 from the metrics of the photographs.

Source: Wu et al., MT-COOL, Table 3 (HRF-AV). Its eight columns are measured on all pixels of the frame, see
    `fundus_mtl.metrics.av`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = {
    "Acc (A)": "acc_artery_frame",
    "F1 (A)": "f1_artery_frame",
    "Acc (V)": "acc_vein_frame",
    "F1 (V)": "f1_vein_frame",
    "Acc (AV)": "acc_av_frame",
    "F1 (A/V)": "f1_av_frame",
    "Acc": "acc_vessel_frame",
    "F1": "f1_vessel_frame",
}


def table3(per_case: pd.DataFrame, by: str | None = None) -> pd.DataFrame:
    """Average the metrics of the photographs into the paper's eight columns.

    Args:
        per_case: Table with one row per photograph (and method) and the columns of `evaluate`.
        by: Column to group by, for example ``"method"``, one table row per value; None for one row, ``"prediction"``.

    Returns:
        Means over the photographs that have a value, from 0 to 1 as in the paper. The last row, ``"all background"``,
        is the result if no pixel is predicted as vessel; its F1 is 0.

    Raises:
        ValueError: if a column is missing.
    """
    import pandas as pd

    wanted = [*COLUMNS.values(), *(f"{name}_background" for name in COLUMNS.values() if name.startswith("acc_"))]
    if missing := [name for name in [*wanted, *([by] if by else [])] if name not in per_case]:
        raise ValueError(f"per_case: expected the columns of evaluate, but got none named {', '.join(missing)}.")
    groups = per_case.groupby(by, sort=False) if by else [("prediction", per_case)]
    table = {str(name): {title: rows[column].mean() for title, column in COLUMNS.items()} for name, rows in groups}
    table["all background"] = {title: _background(per_case, column) for title, column in COLUMNS.items()}
    return pd.DataFrame(table).T


def _background(per_case: pd.DataFrame, column: str) -> float:
    """Return the mean result of an all-background prediction; its F1 is 0 in every photograph with the structure."""
    quantity, place = column.split("_", 1)
    accuracy = per_case[f"acc_{place}_background"]
    return float(accuracy.mean() if quantity == "acc" else (0 * accuracy[accuracy < 1]).mean())
