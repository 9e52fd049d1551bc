"""The look of all figures: colours, markers, axes, legends, and how figures become PNGs and files.

A method has a colour by its place in the comparison. A task has a colour by its name, so that it is the same in the
figures of a training and in those of a comparison, whatever other tasks there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from fundus_mtl.files import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150
# Three palettes for colour-blind readers; none shares a colour with another, so that a task never looks like a method.
# Okabe and Ito's colours without yellow, which is too light on white paper.
METHOD_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")
TASK_COLOURS = ("#332288", "#CC6677", "#117733", "#88CCEE", "#999933", "#882255", "#44AA99")  # Paul Tol's "muted"
PAIR_COLOURS = ("#0077BB", "#EE7733", "#009988", "#EE3377", "#33BBEE", "#CC3311")  # Paul Tol's "vibrant"
LINES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++++", "oo")
_SALT = "31"  # chosen so that no two tasks of a bundle prefer the same look
NAME_PX, ENTRY_PX = 5.0, 45.0  # approximate width of a legend's letter and of its line, at 72 dpi


class Look(NamedTuple):
    """How to distinguish a line: in colour, and in print without colour by its dashes and its marker."""

    color: str
    linestyle: str | tuple[int, tuple[int, ...]]
    marker: str


def method_looks(names: Sequence[str]) -> dict[str, Look]:
    """Return the look of each method by its place; dashes and markers repeat together only after forty names."""
    return {name: _look(i, METHOD_COLOURS) for i, name in enumerate(names)}


def stable_looks(names: Sequence[str], colours: Sequence[str] = TASK_COLOURS) -> dict[str, Look]:
    """Return the look of each task by its name, whatever the order of the names; see `stable_places`."""
    places = stable_places(names)
    return {name: _look(places[name], colours) for name in names}


def stable_places(names: Sequence[str]) -> dict[str, int]:
    """Return a different number for each name, from 0; it depends on the name, not on the order of the names.

    Of several names that prefer the same number, the first in alphabetical order gets it and the others the next free ones.
    """
    ordered = sorted(set(names))
    count = max(len(LINES), len(ordered))
    taken: dict[int, str] = {}
    second_choice = [name for name in ordered if taken.setdefault(_preferred(name), name) != name]
    for name in second_choice:
        places = ((_preferred(name) + step) % count for step in range(count))
        taken[next(place for place in places if place not in taken)] = name
    return {name: place for place, name in taken.items()}


def _preferred(name: str) -> int:
    return crc32(f"{_SALT}{name}".encode()) % len(LINES)


def _look(place: int, colours: Sequence[str]) -> Look:
    return Look(colours[place % len(colours)], LINES[place % len(LINES)], MARKERS[place % len(MARKERS)])


def panels(count: int, width: float = 3.7, height: float = 2.9) -> tuple[Figure, list[Any]]:
    """Return a figure with ``count`` axes, at most three per row, and two per row if there are four.

    Args:
        count: number of axes.
        width: width of one of the axes, inches.
        height: height of one of the axes, inches.
    """
    from matplotlib.figure import Figure

    columns = 2 if count == 4 else min(3, count)
    lines = ceil(count / columns)
    figure = Figure(figsize=(max(5.0, width * columns), height * lines + 0.8), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for rest in axes[count:]:
        rest.remove()
    for place in axes[:count]:
        style_axes(place)
    return figure, list(axes[:count])


def style_axes(axes: Any, grid: str = "both", size: int = 8) -> None:
    """Draw a pale grid behind the data and no frame at the top and at the right.

    Args:
        axes: axes of matplotlib.
        grid: direction of the grid's lines: ``x``, ``y`` or ``both``.
        size: font size of the ticks' labels, points.
    """
    axes.grid(axis=grid, linewidth=0.4, color="0.88")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(which="both", labelsize=size)


def legend(
    figure: Figure, entries: Mapping[str, Look], place: str = "outside lower center", title: str | None = None
) -> None:
    """Draw the legend outside of the axes, in as many columns as the width of the figure allows.

    Args:
        figure: figure with a constrained layout.
        entries: looks by text.
        place: location, one of matplotlib's that start with ``outside``.
        title: text above the entries.
    """
    from matplotlib.lines import Line2D

    if not entries:
        return
    handles = [Line2D([], [], markersize=5, linewidth=1.5, **look._asdict()) for look in entries.values()]
    longest = max(map(len, entries))
    columns = max(1, int(figure.get_figwidth() * 72 / (longest * NAME_PX + ENTRY_PX)))
    figure.legend(
        handles,
        [plain(text) for text in entries],
        loc=place,
        ncols=1 if place.startswith("outside right") else min(len(entries), columns),
        title=title,
        alignment="left",
        title_fontsize=8,
        fontsize=8,
        frameon=False,
        handlelength=3.6,
    )


def plain(text: object) -> str:
    """Return a name in such a way that matplotlib does not read a dollar sign as the start of a formula."""
    return str(text).replace("$", r"\$")


def write_in_axes(axes: Any, text: str) -> None:
    """Write a text, such as the reason why there are no data, into the middle of empty axes."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="bottom", fontsize=8)


def png(figure: Figure | None) -> bytes | None:
    """Return a figure as PNG, without time and software, so that the same figure gives the same bytes; None for None."""
    if figure is None:
        return None
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
    return stream.getvalue()


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure to a file, completely or not at all; the suffix determines the format."""
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=DPI)
