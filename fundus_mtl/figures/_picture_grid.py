"""A grid of pictures: one row per case, one column per kind of picture, such as photograph, truth and methods.

Source: Wu et al., MT-COOL, Fig. 2; Pascal et al., MTL-IO, Fig. 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.figures._look import plain, png, write_in_axes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

CELL_INCHES = 1.9
PAGE_INCHES = 12.0  # a wider figure is shrunk by the page, so its letters are enlarged here
WIDEST_PX = 570  # twice the width of a cell at 150 dpi


def picture_grid(
    pictures: pd.DataFrame,
    captions: Mapping[Any, str] | None = None,
    values: pd.DataFrame | None = None,
    form: str = "{:.3f}",
) -> bytes | None:
    """Draw pictures in a grid as PNG; each keeps its aspect ratio.

    Args:
        pictures: index with the ids of the cases, columns with headings such as ``photograph`` and the methods; cells are
            uint8 arrays ``(H, W, 3)`` or paths of pictures (EXIF orientation is respected); None or NaN if unknown.
        captions: texts at the left of the rows, by id; by default the id.
        values: numbers below the pictures, with the same ids and some of the columns; NaN if unknown.
        form: format of the values, such as ``"Dice {:.3f}"`` or ``"{:.1f} px"``.

    Returns:
        The PNG; None if there is no case or no column.

    Raises:
        ValueError: if a cell is not a picture.
        OSError: if a file cannot be read.
    """
    return png(picture_grid_figure(pictures, captions, values, form))


def picture_grid_figure(
    pictures: pd.DataFrame, captions: Mapping[Any, str] | None, values: pd.DataFrame | None, form: str
) -> Figure | None:
    """Return the figure of `picture_grid`."""
    from matplotlib.figure import Figure

    if pictures.empty:
        return None
    shown = [
        [_picture(cell, f"case {case}, {column}") for column, cell in zip(pictures, line, strict=True)]
        for case, line in zip(pictures.index, pictures.to_numpy(), strict=True)
    ]
    tallest = max((cell.shape[0] / cell.shape[1] for line in shown for cell in line if cell is not None), default=1.0)
    letters = max(1.0, (CELL_INCHES * len(pictures.columns) + 0.4) / PAGE_INCHES)
    size = CELL_INCHES * len(pictures.columns) + 0.4, (CELL_INCHES * tallest + 0.25 * letters) * len(shown) + 0.2
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(len(shown), len(pictures.columns), squeeze=False)
    for line, cells, case in zip(grid, shown, pictures.index, strict=True):
        line[0].set_ylabel(plain((captions or {}).get(case, case)), fontsize=8 * letters)
        for axes, picture, column in zip(line, cells, pictures, strict=True):
            show_picture(axes, picture, tallest)
            axes.set_xlabel(_value(values, case, column, form), fontsize=8 * letters)
    for axes, column in zip(grid[0], pictures, strict=True):
        axes.set_title(plain(column), fontsize=9 * letters)
    return figure


def show_picture(axes: Any, picture: NDArray[np.uint8] | None, aspect: float = 1.0) -> None:
    """Draw a picture without ticks; None gives an empty frame of the aspect ratio with a text."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(picture is None)
    if picture is None:
        axes.set_box_aspect(aspect)
        write_in_axes(axes, "no picture")
    else:
        axes.imshow(picture, interpolation="lanczos")


def _picture(cell: Any, where: str) -> NDArray[np.uint8] | None:
    """Return the picture of a cell, shrunk to the size of the cell; None if it is unknown."""
    from PIL import Image, ImageOps

    if isinstance(cell, (str, Path)):
        with Image.open(cell, formats=("JPEG", "PNG")) as file:
            image = ImageOps.exif_transpose(file).convert("RGB")
    elif isinstance(cell, np.ndarray) and cell.dtype == np.uint8 and cell.ndim == 3 and cell.shape[2] == 3:
        image = Image.fromarray(cell)
    elif cell is None or (isinstance(cell, float) and np.isnan(cell)):
        return None
    else:
        got = f"{cell.dtype} {cell.shape}" if isinstance(cell, np.ndarray) else type(cell).__name__
        raise ValueError(f"pictures: expected uint8 (H, W, 3) or a path in {where}, but got {got}.")
    image.thumbnail((WIDEST_PX, WIDEST_PX), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _value(values: pd.DataFrame | None, case: Any, column: Any, form: str) -> str:
    """Return the text below a picture; empty if there is no such column."""
    if values is None or column not in values:
        return ""
    value = values[column].get(case, np.nan)
    return "not measured" if value != value else plain(form.format(value))
