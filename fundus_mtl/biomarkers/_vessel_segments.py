r"""Vessel segments between branching points: centreline, length and width.

Spurs of the skeleton that end within `REACH` times the vessel radius of a branching point come from a ragged outline
and are removed first. A segment connects two branching points or ends, which it includes. A ring has no end and is not
a segment.

* *Length*: length of the polygon through about every eighth point; a chain of pixel steps would be up to 8 % too long.
* *Width*: each pixel of the mask is assigned to the nearest point of the skeleton. The width of a part of a segment is
  the area of the assigned pixels over its length, :math:`w = \sum_i a_i / \sum_i l_i`. Unlike twice the distance to the
  background, it has no direction-dependent error of a pixel. Ends and points near a branching point are excluded if
  other points remain, because a vessel has no defined width in a branching.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import nan

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import KDTree

from fundus_mtl.biomarkers._cleaning import Mask, pixels
from fundus_mtl.biomarkers._vessel_skeleton import Ids, Skeleton, trace

STEP_POINTS = 8
REACH = 1.5  # radii
TOUCHING = 1.5  # px: farther than a diagonal neighbour
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Segment:
    """A part of a vessel without branching points inside.

    Attributes:
        points_xy: Centreline ``(N, 2)`` from one end to the other, px.
        arc_px: Distance of each point from the first along the vessel ``(N,)``, px.
        areas_px: Area of the mask assigned to each point ``(N,)``, px².
        clear: Which points are not near a branching point, bool ``(N,)``.
        tree: Index of the connected component of vessels that the segment belongs to.
    """

    points_xy: Values
    arc_px: Values
    areas_px: Values
    clear: Mask
    tree: int

    @property
    def length_px(self) -> float:
        """Length from end to end along the vessel, px."""
        return float(self.arc_px[-1])

    @property
    def chord_px(self) -> float:
        """Straight distance from end to end, px."""
        return float(np.linalg.norm(self.points_xy[-1] - self.points_xy[0]))

    def width_px(self, part: Mask | None = None) -> float:
        """Return the mean width of the segment, or of its points where ``part`` ``(N,)`` is true, px; NaN without any."""
        inner = np.full(len(self.arc_px), True) if part is None else part.copy()
        inner[[0, -1]] = False
        inner = inner & self.clear if (inner & self.clear).any() else inner
        length = float(np.gradient(self.arc_px)[inner].sum())
        return float(self.areas_px[inner].sum()) / length if length else nan


def vessel_segments(mask: Mask, skeleton: Skeleton | None = None) -> list[Segment]:
    """Return the segments of the vessels in a mask ``(H, W)``; ``skeleton`` is its `trace`, if already computed."""
    lines = trace(mask) if skeleton is None else skeleton
    if not len(lines.points):
        return []
    edge = _edge(mask)
    lines = lines.without_ends(~_clear(lines, edge))  # spurs go and their stems stay
    _, nearest = KDTree(lines.points).query(pixels(mask))
    areas = np.bincount(nearest, minlength=len(lines.points)).astype(float)
    clear = _clear(lines, edge)
    _, trees = connected_components(lines.graph(), directed=False)
    return [
        Segment(xy, _arc(xy), areas[ids], clear[ids], int(trees[ids[0]]))
        for ids in _paths(lines)
        for xy in [lines.points[ids][:, ::-1].astype(float)]
    ]


def _edge(mask: Mask) -> KDTree:
    """Return the background pixels next to the vessels of ``(H, W)``, including those outside the image border."""
    wide = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    beside = cv2.dilate(wide, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))) > wide
    return KDTree(pixels(beside) - 1)


def _clear(lines: Skeleton, edge: KDTree) -> Mask:
    """Return which points are farther than `REACH` from the nearest branching point, bool ``(N,)``."""
    branchings = lines.points[lines.branchings()]
    if not len(branchings):
        return np.full(len(lines.points), True)
    distances, nearest = KDTree(branchings).query(lines.points)
    return np.asarray(distances > np.maximum(REACH * edge.query(branchings)[0], TOUCHING)[nearest])


def _paths(lines: Skeleton) -> Iterator[Ids]:
    """Yield the ordered points of each part with two ends, including the branching points at its ends."""
    branchings = np.flatnonzero(lines.branchings())
    if not len(branchings):
        yield from _ordered(lines)
        return
    distances, nearest = KDTree(lines.points[branchings]).query(lines.points)
    apart, nearest = distances > TOUCHING, branchings[nearest]
    outer, passing = np.flatnonzero(apart), lines.crossing_numbers() > 1
    for ids in _ordered(lines.keep(apart)):
        path = outer[ids]
        near = nearest[path[[0, -1]]]
        before, after = near[:1][passing[path[:1]]], near[1:][passing[path[-1:]]]
        yield np.concatenate([before, path, after])


def _ordered(pieces: Skeleton) -> Iterator[Ids]:
    """Yield the points of each piece with two ends, sorted by their distance from one end."""
    graph = pieces.graph().tocsr()
    _, labels = connected_components(graph, directed=False)
    ends = np.flatnonzero(pieces.crossing_numbers() == 1)
    _, first, count = np.unique(labels[ends], return_index=True, return_counts=True)
    if not (count == 2).any():
        return
    distances = dijkstra(graph, directed=False, indices=ends[first[count == 2]], min_only=True)
    order = np.lexsort((distances, labels))
    order = order[np.isfinite(distances[order])]
    yield from np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)


def _arc(points_xy: Values) -> Values:
    """Return the distance from the first point along the ordered points ``(N, 2)``, shape ``(N,)``, px."""
    n = len(points_xy)
    knots = np.rint(np.linspace(0, n - 1, max(1, round((n - 1) / STEP_POINTS)) + 1)).astype(int)
    steps = np.linalg.norm(np.diff(points_xy[knots], axis=0), axis=1)
    return np.interp(np.arange(n), knots, np.concatenate([[0.0], np.cumsum(steps)]))
