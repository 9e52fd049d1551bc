"""Contours and points drawn on a photograph, in colours that colour-blind people can tell apart.

Every light line lies on a wider dark one, so that it is visible on bright and on dark parts of the photograph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fundus_mtl.biomarkers import bounds
from fundus_mtl.figures import COLOURS, Colour

Picture = NDArray[np.uint8]
HALO: Colour = (15, 15, 25)


def draw_overlay(
    image: ArrayLike,
    contours: Mapping[str, ArrayLike] | None = None,
    points: Mapping[str, Sequence[float]] | None = None,
    colours: Sequence[Colour] = COLOURS,
    legend: bool = True,
) -> Picture:
    """Draw outlines, crosses with an open centre, and a legend; widths grow with the picture.

    Args:
        image: Photograph, RGB ``(H, W, 3)``, 0 to 255; it is not changed.
        contours: Masks ``(H, W)`` by name, nonzero inside; an empty one is left out, also in the legend.
        points: Points ``(x, y)`` in px by name; one that is not finite or outside the picture is left out.
        colours: RGB colours, taken in the order of the names, contours first.
        legend: Whether the names are written in the picture.

    Returns:
        RGB uint8 ``(H, W, 3)``.

    Raises:
        ValueError: If the picture is not RGB or a mask has another size.
    """
    canvas = np.array(image, dtype=np.uint8, order="C")
    if canvas.ndim != 3 or canvas.shape[2] != 3:
        raise ValueError(f"image: expected an RGB picture (H, W, 3), but got {canvas.shape}.")
    named: dict[str, Colour] = {}
    for index, (name, mask) in enumerate((contours or {}).items()):
        if _draw_contour(canvas, name, np.asarray(mask), colours[index % len(colours)]):
            named[name] = colours[index % len(colours)]
    for index, (name, point) in enumerate((points or {}).items(), start=len(contours or {})):
        if _draw_cross(canvas, point, colours[index % len(colours)]):
            named[name] = colours[index % len(colours)]
    if legend:
        _draw_legend(canvas, named)
    return canvas


def line_width(shape: tuple[int, ...]) -> int:
    """Return the width of a line, px: about 1/500 of the shorter side of ``(H, W, ...)``."""
    return max(1, round(min(shape[:2]) / 500))


def _draw_contour(canvas: Picture, name: str, mask: NDArray[np.generic], colour: Colour) -> bool:
    """Draw the outline of a mask; return whether there was one."""
    import cv2

    if mask.shape != canvas.shape[:2]:
        raise ValueError(f"mask {name}: expected the picture's size {canvas.shape[:2]}, but got {mask.shape}.")
    inside = mask.astype(bool, copy=False)
    box = bounds(inside)
    if box is None:
        return False
    rows, columns = (slice(max(0, side.start - 1), side.stop + 1) for side in box)
    lines, _ = cv2.findContours(
        inside[rows, columns].astype(np.uint8),
        cv2.RETR_LIST,
        cv2.CHAIN_APPROX_SIMPLE,
        offset=(columns.start, rows.start),
    )
    width = line_width(canvas.shape)
    for thickness, shade in ((2 * width + 1, HALO), (width, colour)):
        cv2.polylines(canvas, lines, True, shade, thickness, cv2.LINE_AA)
    return True


def _draw_cross(canvas: Picture, point: Sequence[float], colour: Colour) -> bool:
    """Draw four arms around an open centre, so that the place itself stays visible; return whether it lies inside."""
    import cv2

    place = np.asarray(point, dtype=float)
    height, width = canvas.shape[:2]
    if not (np.isfinite(place).all() and 0 <= place[0] + 0.5 < width and 0 <= place[1] + 0.5 < height):
        return False
    stroke, gap, reach = line_width(canvas.shape), max(3.0, min(height, width) / 90), max(8.0, min(height, width) / 35)
    for thickness, shade, more in ((2 * stroke + 1, HALO, stroke), (stroke, colour, 0)):
        for arm in np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]):
            start, end = (tuple(np.rint(place + arm * length).astype(int).tolist()) for length in (gap, reach + more))
            cv2.line(canvas, start, end, shade, thickness, cv2.LINE_AA)
    return True


def _draw_legend(canvas: Picture, named: Mapping[str, Colour]) -> None:
    """Write the names in their colours into the lower left corner; a picture too small for text has no legend."""
    import cv2

    shorter = min(canvas.shape[:2])
    if shorter < 128:
        return
    size, step, margin = shorter / 1100, round(shorter / 30), round(shorter / 50)
    stroke = line_width(canvas.shape)
    for index, (name, colour) in enumerate(reversed(list(named.items()))):
        y = canvas.shape[0] - margin - index * step
        for thickness, shade in ((stroke + max(2, 2 * stroke), HALO), (stroke, colour)):
            cv2.line(canvas, (margin, y - step // 4), (margin + step, y - step // 4), shade, thickness + 1, cv2.LINE_AA)
            cv2.putText(
                canvas,
                name,
                (margin + round(1.4 * step), y),
                cv2.FONT_HERSHEY_SIMPLEX,
                size,
                shade,
                thickness,
                cv2.LINE_AA,
            )
