"""Figures that are drawn one by one; an error in one of them is reported in its place and does not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

_logger = logging.getLogger(__name__)
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class PlannedFigure:
    """A figure that has not been drawn yet.

    Args:
        name: name of its file, without the suffix.
        caption: heading up to the first ". ", then the text below the picture.
        draw: function that returns the PNG, a text with the reason why there is none, or None if there is no data.
        of_cases: whether it shows photographs.
    """

    name: str
    caption: str
    draw: Callable[[], bytes | str | None]
    of_cases: bool = False


@dataclass(frozen=True)
class DrawnFigure:
    """A figure that was drawn, or the reason why it could not be.

    Args:
        name: name of its file, without the suffix.
        caption: heading up to the first ". ", then the text below the picture.
        picture: PNG, or a text with the reason why there is none.
        of_cases: whether it shows photographs.
    """

    name: str
    caption: str
    picture: bytes | str
    of_cases: bool = False


def draw_figures(groups: Mapping[str, Callable[[], Iterable[PlannedFigure]]]) -> list[DrawnFigure]:
    """Draw all figures; figures without data are skipped.

    Args:
        groups: functions that list the figures of a group, by the title of the group. If such a function raises, the
            group becomes one figure with its title and the reason.
    """
    figures: list[DrawnFigure] = []
    for title, listed in groups.items():
        planned = _tried(title, lambda listed=listed: list(listed()))  # type: ignore[misc]
        if isinstance(planned, str):
            figures.append(DrawnFigure(title.lower().replace(" ", "_"), f"{title}.", planned))
            continue
        for figure in planned:
            picture = _tried(figure.name, figure.draw)
            if picture is not None:
                figures.append(DrawnFigure(figure.name, figure.caption, picture, figure.of_cases))
    return figures


def _tried(name: str, work: Callable[[], Answer]) -> Answer | str:
    """Call a function; return the reason if it raises. The error's message is left out: it may name a photograph."""
    try:
        return work()
    except Exception as error:  # any error of the libraries that draw or read pictures must not stop the other figures
        _logger.warning("figure %s could not be drawn: %s", name, type(error).__name__)
        return f"could not be drawn: {type(error).__name__}"
