"""Shortest vector of a hull of gradients: MGDA's direction, and the test of whether the hull contains zero."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fundus_mtl.aggregation._faces import best_points
from fundus_mtl.aggregation._hull import Hull


@dataclass(frozen=True)
class Shortest:
    r"""Minimise :math:`\tfrac12 z^\top C z`: the Lagrange conditions on a face are :math:`C z = \mu h`.

    A point x is optimal if :math:`g_i \cdot x \ge \lVert x \rVert^2` for all i. The violation is in units of
    :math:`m \lVert g_i \rVert`.
    """

    hull: Hull

    def candidates(self, faces: Tensor) -> Tensor:
        """Return the point of each face's affine hull nearest to zero, ``(F, T)``."""
        count = len(self.hull)
        return self.hull.stationary(torch.eye(count + 1, dtype=torch.float64)[:, count:], faces).squeeze(2)

    def violation(self, points: Tensor) -> Tensor:
        """Return by how much the worst task violates the optimality condition at each point, ``(F,)``."""
        along = points @ self.hull.cosines
        return ((along * points).sum(dim=1, keepdim=True) * self.hull.shortness - along).amax(dim=1)

    def value_and_slope(self, point: Tensor) -> tuple[Tensor, Tensor]:
        """Return half the squared length and its gradient."""
        slope = self.hull.cosines @ point
        return point @ slope / 2, slope


def shortest_point(hull: Hull) -> Tensor:
    """Return the point ``(T,)`` of the hull nearest to zero."""
    points, violation = best_points(Shortest(hull))
    return points[violation.argmin()]
