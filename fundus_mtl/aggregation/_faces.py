"""Minimise a convex function on a convex hull of gradients, face by face."""

from __future__ import annotations

from typing import Protocol

import torch
from scipy.optimize import minimize
from torch import Tensor

from fundus_mtl.aggregation._hull import Hull

# Up to this many gradients all 2^T - 1 faces are solved, which is exact. Above it, only the faces around an iterative
# solution are solved.
MOST_ENUMERATED = 8


class Problem(Protocol):
    """A convex function on a hull that has a closed form on each face."""

    @property
    def hull(self) -> Hull:
        """The hull."""

    def candidates(self, faces: Tensor) -> Tensor:
        """Return the stationary point ``(F, T)`` on each face's affine hull ``(F, T)``; not finite if none exists."""

    def violation(self, points: Tensor) -> Tensor:
        """Return by how much, ``(F,)``, points of the hull ``(F, T)`` violate the optimality conditions."""

    def value_and_slope(self, point: Tensor) -> tuple[Tensor, Tensor]:
        """Return the function ``()`` and its gradient ``(T,)`` at a point ``(T,)``."""


def best_points(problem: Problem) -> tuple[Tensor, Tensor]:
    """Return candidate points of the hull, ``(F, T)``, and their violations, ``(F,)``; the minimum is one of them.

    A violation is infinite where the solution failed. A stationary point outside the hull is clamped to it and does no
    harm: its violation is larger.
    """
    count = len(problem.hull)
    if count <= MOST_ENUMERATED:
        points = problem.candidates(_all_faces(count))
    else:
        guess = _guess(problem)
        points = torch.cat([problem.candidates(_faces_around(guess)), guess.unsqueeze(0)])
    points = problem.hull.feasible(points)
    return points, problem.violation(points).nan_to_num(nan=torch.inf, posinf=torch.inf)


def _all_faces(count: int) -> Tensor:
    """Return every non-empty subset of ``count`` gradients, bool ``(2^count - 1, count)``."""
    return torch.arange(1, 2**count).unsqueeze(1).bitwise_and(2 ** torch.arange(count)) > 0


def _faces_around(guess: Tensor) -> Tensor:
    """Return the faces of the 1, 2, ..., T gradients with the largest weights in a point ``(T,)``, bool ``(T, T)``."""
    rank = guess.argsort(descending=True).argsort()
    return rank.unsqueeze(0) <= torch.arange(len(guess)).unsqueeze(1)


def _guess(problem: Problem) -> Tensor:
    """Return the minimum ``(T,)`` found by sequential quadratic programming, accurate to about 1e-6."""
    hull = problem.hull
    start = torch.full_like(hull.shortness, 1 / hull.shortness.sum().item())

    def value_and_slope(point: object) -> tuple[float, object]:
        value, slope = problem.value_and_slope(torch.as_tensor(point, dtype=torch.float64))
        return value.item(), slope.numpy()

    found = minimize(
        value_and_slope,
        start.numpy(),
        jac=True,
        method="SLSQP",
        bounds=[(0, None)] * len(hull),
        constraints={
            "type": "eq",
            "fun": lambda point: point @ hull.shortness.numpy() - 1,
            "jac": lambda _: hull.shortness.numpy(),
        },
        options={"ftol": 1e-15, "maxiter": 200},
    )
    return torch.as_tensor(found.x, dtype=torch.float64).clamp(min=0)
