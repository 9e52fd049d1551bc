"""Vessels of known width and course, drawn exactly: a pixel is vessel if its centre lies within half a width of the line."""

from __future__ import annotations

import numpy as np


def band(shape, start_xy, stop_xy, width):
    """A straight vessel with round ends."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    start, along = np.array(start_xy, float), np.subtract(stop_xy, start_xy).astype(float)
    share = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / (along @ along)
    share = share.clip(0, 1)
    return np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1]) <= width / 2


def ray(shape, centre_xy, angle, near, far, width):
    """A straight vessel away from a centre, from one radius to another."""
    direction = np.array([np.cos(angle), np.sin(angle)])
    return band(shape, centre_xy + near * direction, centre_xy + far * direction, width)


def ring(shape, centre_xy, radius, width, where=lambda x, y: x > -np.inf):
    """A circular vessel, or the part of it where a condition on the offsets from its centre holds."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    x, y = x - centre_xy[0], y - centre_xy[1]
    return (abs(np.hypot(x, y) - radius) <= width / 2) & where(x, y)
