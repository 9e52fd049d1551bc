"""A figure of a comparison: drawn, or with the reason why not, so that one failure costs nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

_logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class PlannedFigure:
    """A figure that is still to be drawn.

    Args:
        name: of its file, without the suffix.
        caption: heading up to the first ". ", then what stands below the picture.
        draw: returns the PNG; text that says why there is none; None if there is nothing to show.
        of_cases: whether photographs are in it.
    """

    name: str
    caption: str
    draw: Callable[[], bytes | str | None]
    of_cases: bool = False


@dataclass(frozen=True)
class DrawnFigure:
    """A figure as it came out.

    Args:
        name: see `PlannedFigure`.
        caption: see `PlannedFigure`.
        picture: PNG; text says why there is none.
        of_cases: see `PlannedFigure`.
    """

    name: str
    caption: str
    picture: bytes | str
    of_cases: bool = False


def draw_figures(groups: Mapping[str, Callable[[], Iterable[PlannedFigure]]]) -> list[DrawnFigure]:
    """Draw every figure of every group; those with nothing to show are left out.

    Args:
        groups: title to what lists the drawings of a group; one that cannot even be listed is a figure of that title.
    """
    figures: list[DrawnFigure] = []
    for title, listed in groups.items():
        drawings = _tried(title, lambda listed=listed: list(listed()))  # type: ignore[misc]
        if isinstance(drawings, str):
            figures.append(DrawnFigure(title.lower().replace(" ", "_"), f"{title}.", drawings))
            continue
        for drawing in drawings:
            picture = _tried(drawing.name, drawing.draw)
            if picture is not None:
                figures.append(DrawnFigure(drawing.name, drawing.caption, picture, drawing.of_cases))
    return figures


def _tried(name: str, work: Callable[[], Answer]) -> Answer | str:
    """Do the work; return why it failed. An error's own words may name a photograph, and are not told."""
    try:
        return work()
    except Exception as error:  # other libraries draw and read pictures: anything may come, and nothing else is to fail
        _logger.warning("figure %s could not be drawn: %s", name, type(error).__name__)
        return f"could not be drawn: {type(error).__name__}"
