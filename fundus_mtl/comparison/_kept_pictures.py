"""The pictures that an evaluation kept of its cases (``keep_cases``)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

PHOTOGRAPH, TRUTH, PREDICTION = "photograph", "truth", "prediction"
PARTS = (PHOTOGRAPH, TRUTH, PREDICTION)
_CASES = "evaluation/cases"


def kept_pictures(folder: Path, cases: pd.DataFrame) -> pd.DataFrame:
    """Return the paths of the pictures of a training's cases.

    Args:
        folder: output folder of the training.
        cases: content of its ``per_case.csv``; the pictures of the n-th row are ``<n>_<part>.jpg``, n from 0.

    Returns:
        A row per case, with a path in each of the columns `PARTS`; None where a picture does not exist.
    """
    import pandas as pd

    there = {file.name for file in (folder / _CASES).glob("*.jpg")}

    def path(number: int, part: str) -> Path | None:
        name = f"{number}_{part}.jpg"
        return folder / _CASES / name if name in there else None

    rows = [[path(number, part) for part in PARTS] for number in range(len(cases))]
    return pd.DataFrame(rows, columns=list(PARTS), dtype=object)
