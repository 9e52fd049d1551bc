"""What all figures of a comparison have in common: each method's look, the grid of panels, the legend, the PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150
# Okabe and Ito's colours, which colour-blind eyes tell apart, without the yellow that white paper swallows.
METHOD_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")
# Paul Tol's muted colours, as safe: a line that is a task must not look like a method.
TASK_COLOURS = ("#332288", "#CC6677", "#117733", "#88CCEE", "#882255", "#999933", "#44AA99")
LINES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
NAME_PX, ENTRY_PX = 5.0, 45.0  # about, of a legend's letter and of its line, at 72 dpi


class Look(NamedTuple):
    """How a line is told from the others: in colour, and in grey by its strokes and its marker."""

    color: str
    linestyle: str | tuple[int, tuple[int, ...]]
    marker: str


def looks(names: Sequence[str], colours: Sequence[str] = METHOD_COLOURS) -> dict[str, Look]:
    """Return each name's look by its place; strokes and markers repeat together only after forty names."""
    return {
        name: Look(colours[i % len(colours)], LINES[i % len(LINES)], MARKERS[i % len(MARKERS)])
        for i, name in enumerate(names)
    }


def panels(count: int, width: float = 3.7, height: float = 2.9) -> tuple[Figure, list[Any]]:
    """Return a figure and that many axes, three in a line at most and two where there are four; sizes in inches."""
    from matplotlib.figure import Figure

    columns = 2 if count == 4 else min(3, count)
    lines = ceil(count / columns)
    figure = Figure(figsize=(max(5.0, width * columns), height * lines + 0.8), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for rest in axes[count:]:
        rest.remove()
    for place in axes[:count]:
        place.grid(linewidth=0.4, color="0.88")
        place.set_axisbelow(True)
        place.spines[["top", "right"]].set_visible(False)
        place.tick_params(which="both", labelsize=8)
    return figure, list(axes[:count])


def legend(
    figure: Figure, entries: Mapping[str, Look], place: str = "outside lower center", title: str | None = None
) -> None:
    """Write the legend outside of the data, in as many columns as the figure's width takes.

    Args:
        figure: with a constrained layout.
        entries: look by text.
        place: of matplotlib, one that begins with ``outside``.
        title: over the entries.
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
    """Return a name as matplotlib shows it as it is: a dollar starts no formula."""
    return str(text).replace("$", r"\$")


def png(figure: Figure | None) -> bytes | None:
    """Return a figure as PNG, the same bytes whenever it is drawn, as nothing else is written into it; None for None."""
    if figure is None:
        return None
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=DPI, metadata={"Software": None})
    return stream.getvalue()
