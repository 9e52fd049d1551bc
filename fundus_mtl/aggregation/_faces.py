"""Search the faces of a hull of gradients for the minimum of a convex function."""

from __future__ import annotations

from typing import Protocol

import torch
from scipy.optimize import minimize
from torch import Tensor

from fundus_mtl.aggregation._hull import Hull

# Up to here all 2^T - 1 faces are solved at once, which is exact; beyond, only those around an iterative guess.
MOST_ENUMERATED = 8


class Problem(Protocol):
    """A convex function on a hull that has a closed form on each face."""

    @property
    def hull(self) -> Hull:
        """The hull."""

    def candidates(self, faces: Tensor) -> Tensor:
        """Return the stationary point ``(F, T)`` on the affine hull of each face ``(F, T)``; not finite if there is none."""

    def violation(self, points: Tensor) -> Tensor:
        """Return by how much, ``(F,)``, points of the hull ``(F, T)`` fail the conditions of optimality."""

    def value_and_slope(self, point: Tensor) -> tuple[Tensor, Tensor]:
        """Return the function ``()`` and its gradient ``(T,)`` at a point ``(T,)``."""


def best_points(problem: Problem) -> tuple[Tensor, Tensor]:
    """Return points of the hull, ``(F, T)``, the minimum among them, and their violations ``(F,)``, infinite for failures.

    Clamped to the hull, a face's stationary point that lies outside of it is a harmless candidate: it violates more.
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
    """Return every non-empty set of ``count`` gradients, bool ``(2^count - 1, count)``."""
    return torch.arange(1, 2**count).unsqueeze(1).bitwise_and(2 ** torch.arange(count)) > 0


def _faces_around(guess: Tensor) -> Tensor:
    """Return the faces of the 1, 2, ... T gradients that a point ``(T,)`` uses most, bool ``(T, T)``."""
    rank = guess.argsort(descending=True).argsort()
    return rank.unsqueeze(0) <= torch.arange(len(guess)).unsqueeze(1)


def _guess(problem: Problem) -> Tensor:
    """Return the minimum ``(T,)`` as sequential quadratic programming finds it, to about 1e-6."""
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
