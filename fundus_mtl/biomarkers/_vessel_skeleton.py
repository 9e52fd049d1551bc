"""Centreline of a vessel mask as points and their neighbours.

The skeleton is that of Lee et al. (1994), one pixel wide. Zhang and Suen (1984), scikit-image's default, shortens
diagonal vessels from one end if their width is an even number of pixels. Later steps use only
the points of the skeleton, about ten thousand, instead of the millions of pixels of a photograph.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

from fundus_mtl.biomarkers._cleaning import Mask, bounds
from fundus_mtl.biomarkers._thinning import RING, thin_lines

Ids = NDArray[np.intp]


@dataclass(frozen=True)
class Skeleton:
    """Points of a centreline.

    Attributes:
        points: Row and column of the points ``(N, 2)``, px.
        neighbours: Indices of the points around each point ``(N, 8)``, in the order of `RING`; -1 if none.
    """

    points: Ids
    neighbours: Ids

    def crossing_numbers(self) -> Ids:
        """Return how many lines leave each point ``(N,)``: 1 at an end, 2 along a line, 3 or more at a branching point.

        This is Rutovitz's crossing number: the number of changes from background to line around the point.
        """
        return _lines_from(self.neighbours)

    def branchings(self) -> Mask:
        """Return which points are branching points ``(N,)``: three lines leave, or the point is in a 2x2 block."""
        line = self.neighbours >= 0
        corners = [line[:, [i, i + 1, (i + 2) % 8]].all(axis=1) for i in (0, 2, 4, 6)]
        return (self.crossing_numbers() > 2) | np.any(corners, axis=0)

    def without_ends(self, removable: Mask) -> Skeleton:
        """Remove the end points among ``removable`` ``(N,)``, then those that are ends without them, and so on."""
        neighbours, kept = self.neighbours.copy(), np.full(len(self.points), True)
        left = np.flatnonzero(removable)
        while len(ends := left[_lines_from(neighbours[left]) == 1]):
            kept[ends] = False
            for direction, beside in enumerate(neighbours[ends].T):
                neighbours[beside[beside >= 0], (direction + 4) % 8] = -1
            left = left[kept[left]]
        return self if kept.all() else Skeleton(self.points, neighbours).keep(kept)

    def keep(self, wanted: Mask) -> Skeleton:
        """Return the skeleton of only the points where ``wanted`` ``(N,)`` is true."""
        ids = np.append(np.where(wanted, np.cumsum(wanted) - 1, -1), -1)
        return Skeleton(self.points[wanted], ids[self.neighbours[wanted]])

    def graph(self) -> coo_array:
        """Return the distances of neighbouring points, px, as a sparse matrix ``(N, N)``."""
        source, direction = np.nonzero(self.neighbours >= 0)
        lengths = np.where(direction % 2, np.sqrt(2.0), 1.0)
        n = len(self.points)
        return coo_array((lengths, (source, self.neighbours[source, direction])), shape=(n, n))


def trace(mask: Mask) -> Skeleton:
    """Return the skeleton of a mask ``(H, W)``."""
    window = bounds(mask)
    if window is None:
        return Skeleton(np.empty((0, 2), np.intp), np.empty((0, 8), np.intp))
    points = thin_lines(mask[window])
    width = mask.shape[1] + 1  # a column of background, so that the end of a row has no neighbour in the next one
    places = points @ [width, 1]
    beside = places[:, None] + np.array(RING) @ [width, 1]
    found = np.searchsorted(places, beside).clip(max=len(places) - 1)
    neighbours = np.where(places[found] == beside, found, -1)
    return Skeleton(points + np.array([side.start for side in window]), neighbours)


def _lines_from(neighbours: Ids) -> Ids:
    """Return the crossing numbers of points with these neighbours ``(N, 8)``, shape ``(N,)``."""
    line = neighbours >= 0
    return np.asarray(np.count_nonzero(~line & np.roll(line, -1, axis=1), axis=1))
