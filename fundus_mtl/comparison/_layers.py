"""From the layers of a network to parts of it, few enough for a figure that can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

MOST = 24  # names that fit beside each other on a page
_MEASURES = ["gradient", "contribution"]
_SINGLE = {"iteration", "conflicts", *_MEASURES}


def parts_of(table: pd.DataFrame) -> pd.DataFrame:
    """Average each training's ``balance.csv`` over its measurements and over the layers of each part.

    A part is named by the first components of its layers' names, as many as leave at most `MOST` parts in all.

    Args:
        table: columns ``iteration, task, layer, gradient, contribution``, and those that tell trainings apart.

    Returns:
        The same columns but for the iteration, in the order of the layers.
    """
    names = table["layer"].astype(str)
    deepest = int(names.str.count(r"\.").max()) + 1 if len(names) else 1
    for depth in range(deepest, 0, -1):
        parts = names.str.split(".").str[:depth].str.join(".")
        if parts.nunique() <= MOST:
            break
    by = [name for name in table if name not in _SINGLE]
    grouped = table.assign(layer=parts).groupby(by, sort=False, dropna=False)  # a fold that is not numbered is one too
    return grouped[_MEASURES].mean().reset_index()
