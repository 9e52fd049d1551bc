"""A figure of named groups of pictures, such as the worst, the median and the best cases; a row per group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.figures._look import plain
from fundus_mtl.figures._overlay_colours import Colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL_INCHES = 4.0


def picture_groups(
    groups: Mapping[str, Sequence[tuple[str, NDArray[np.uint8]]]],
    columns: int,
    legend: Mapping[str, Colour] | None = None,
) -> Figure:
    """Draw a row of pictures per group, each below its title.

    Args:
        groups: titles and pictures ``(H, W, 3)`` by group.
        columns: number of columns, at least the number of pictures in a group.
        legend: colours of the lines in the pictures by their names; None for no legend.
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
    if legend:
        _add_legend(figure, legend)
    return figure


def _add_legend(figure: Figure, colours: Mapping[str, Colour]) -> None:
    """Add a line and a name for each colour below the pictures, on a dark ground, as light colours need it."""
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], linewidth=4, color=[level / 255 for level in colour]) for colour in colours.values()]
    figure.legend(
        lines,
        [plain(name) for name in colours],
        loc="outside lower center",
        ncols=len(colours),
        fontsize=13,
        facecolor="#26303c",
        labelcolor="white",
        framealpha=1.0,
    )
