"""A figure of named groups of pictures, such as the worst, the median and the best cases; a row per group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.figures._look import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL_INCHES = 4.0


def picture_groups(groups: Mapping[str, Sequence[tuple[str, NDArray[np.uint8]]]], columns: int) -> Figure:
    """Draw a row of pictures per group, each below its title.

    Args:
        groups: titles and pictures ``(H, W, 3)`` by group.
        columns: number of columns, at least the number of pictures in a group.
    """
    from matplotlib.figure import Figure

    tallest = max(picture.shape[0] / picture.shape[1] for group in groups.values() for _, picture in group)
    size = CELL_INCHES * columns, (CELL_INCHES * tallest + 0.6) * len(groups)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(groups), columns, squeeze=False)
    for line, group in zip(grid, groups.values(), strict=True):
        for axes in line:
            axes.set_axis_off()
        for axes, (title, picture) in zip(line, group, strict=False):
            axes.imshow(picture, interpolation="lanczos")
            axes.set_title(plain(title), fontsize=10)
    return figure
