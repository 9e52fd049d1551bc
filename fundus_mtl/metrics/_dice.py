r"""The Dice coefficient of two masks, :math:`2 |P \cap T| / (|P| + |T|)`, no unit (Dice, 1945)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def dice(pred: ArrayLike, true: ArrayLike) -> float:
    """Return the Dice coefficient of two masks of the same shape; nonzero pixels belong to the structure.

    Returns:
        The coefficient, from 0 to 1; 0 if only one mask is empty. NaN if both are empty, because this does not measure
        the quality of an outline, and counting it as 1 would reward data without the structure.

    Raises:
        ValueError: if the shapes differ.
    """
    first, second = np.asarray(pred).astype(bool), np.asarray(true).astype(bool)
    if first.shape != second.shape:
        raise ValueError(f"pred: expected the shape of true {second.shape}, but got {first.shape}.")
    total = int(np.count_nonzero(first)) + int(np.count_nonzero(second))
    return 2 * int(np.count_nonzero(first & second)) / total if total else float("nan")
