"""Points: (x, y) in the photograph's own pixels, the origin at the centre of the top-left pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any


def check_point(point: Sequence[Any], where: str, what: str, size: tuple[int, int] | None = None) -> None:
    """Refuse what cannot be a place in the eye: (0, 0), coordinates from 0 to 1, negative ones, a place outside.

    (0, 0) and negative numbers are how tables write "unknown"; coordinates from 0 to 1 are fractions of the picture, or a
    one-hot label. Learned as pixels, each would be an error of the size of the picture.

    Args:
        point: x and y, px.
        where: Name of the photograph or row, for the message.
        what: Name of the label, for the message.
        size: Width and height of the upright photograph, px; None if it is not known.

    Raises:
        ValueError: if the point breaks one of these rules.
    """
    if len(point) != 2 or not all(_finite(number) for number in point):
        raise ValueError(
            f"{where}: expected {what} as [x, y] in native px, but got {_shown(point)}; leave it out if it is unknown, "
            "and write a one-hot label as the number of its class."
        )
    x, y = map(float, point)
    if x == y == 0:
        raise ValueError(
            f"{where}: expected {what} as [x, y] in native px, but got (0, 0), the corner of the photograph; leave it out "
            "if it is unknown."
        )
    if 0 <= x <= 1 and 0 <= y <= 1:
        raise ValueError(
            f"{where}: expected {what} as [x, y] in native px, but got {_shown(point)}, both from 0 to 1; multiply "
            "normalised coordinates by the photograph's width and height, and write a one-hot label as the number of its "
            "class."
        )
    if x < -0.5 or y < -0.5:
        raise ValueError(
            f"{where}: expected {what} as [x, y] in native px, but got {_shown(point)}, which is negative; leave it out "
            "if it is unknown."
        )
    if size is not None:
        check_inside(point, where, what, size)


def check_inside(point: Sequence[Any], where: str, what: str, size: tuple[int, int]) -> None:
    """Refuse a point outside the photograph.

    Args:
        point: x and y, px.
        where: Name of the photograph or row, for the message.
        what: Name of the label, for the message.
        size: Width and height of the upright photograph, px.

    Raises:
        ValueError: if the point is outside.
    """
    if not all(-0.5 <= number < side - 0.5 for number, side in zip(point, size, strict=True)):
        raise ValueError(
            f"{where}: expected {what} within {size[0]} x {size[1]} px, but got {_shown(point)}; check the order x, y and "
            "whether it was measured on a copy of another size."
        )


def _finite(number: Any) -> bool:
    return isinstance(number, Real) and not isinstance(number, bool) and math.isfinite(number)


def _shown(point: Sequence[Any]) -> str:
    return "(" + ", ".join(f"{float(part):g}" if _finite(part) else repr(part) for part in point) + ")"
