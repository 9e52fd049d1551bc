"""CAGrad: the direction near the mean gradient that decreases the worst task's loss most.

Source: Liu et al., Conflict-Averse Gradient Descent for Multi-task Learning, NeurIPS 2021, algorithm 1; the rescaling
and the factor K are those of the authors' code, whose SLSQP solver and 1e-8 inside the root are replaced by an exact
solution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from fundus_mtl.aggregation._faces import best_points
from fundus_mtl.aggregation._gram import GramAggregator
from fundus_mtl.aggregation._hull import ZERO, Hull
from fundus_mtl.aggregation._shortest import shortest_point

Rescale = Literal["1+c^2", "1+c", "none"]


class CAGrad(GramAggregator):
    r"""Return K·d, where d is the direction near the mean gradient that decreases the worst task's loss most.

    With :math:`g_0` the mean gradient, d maximises :math:`\min_i g_i \cdot d` under
    :math:`\lVert d - g_0 \rVert \le c \lVert g_0 \rVert`. By duality
    :math:`d = g_0 + c \lVert g_0 \rVert g_w / \lVert g_w \rVert`, with :math:`g_w` the point of the gradients' convex
    hull that minimises :math:`g_w \cdot g_0 + c \lVert g_0 \rVert \lVert g_w \rVert`; exact for up to eight tasks.

    If that point is zero (opposite gradients, or a task with zero gradient), it does not determine d. The rule then
    uses :math:`d = g_0`, so that training does not stop. A zero mean gives zero. A single task has no conflict: d is
    its gradient, not rescaled.

    T ≥ 2 equal gradients g give T·g·(1 + c) divided by the rescaling factor. This is the only exception to the sum
    scale.

    Args:
        c: Radius of the ball, relative to the mean gradient. 0 gives the plain sum. Below 1 the rule converges to a
            minimum of the sum. From 1 on the paper only guarantees a Pareto-stationary point; the limit is MGDA's
            direction.
        rescale: Divisor of d: ``"1+c^2"`` (the authors' code), ``"1+c"`` (equal gradients keep the sum scale) or
            ``"none"``.

    Raises:
        ValueError: if c is negative or not finite, or the rescaling unknown.
    """

    def __init__(self, c: float = 0.5, rescale: Rescale = "1+c^2") -> None:
        if not 0 <= c < float("inf"):
            raise ValueError(f"CAGrad: expected c to be 0 or more, and finite, but got {c}.")
        if rescale not in get_args(Rescale):
            raise ValueError(f"CAGrad: expected rescale to be one of {get_args(Rescale)}, but got {rescale!r}.")
        self.c = c
        self.rescale = rescale

    def weights(self, gram: Tensor) -> Tensor:
        """Return the weight of each task's gradient, shape ``(T,)``, from the Gram matrix ``(T, T)``."""
        weights = torch.ones(len(gram), dtype=gram.dtype)
        if len(gram) == 1:
            return weights
        alive = gram.diagonal() > 0
        lengths = gram.diagonal().sqrt()
        sum_length = gram.sum().clamp(min=0).sqrt()
        if self.c > 0 and sum_length > ZERO**0.5 * lengths.sum():
            hull = Hull.of(gram[alive][:, alive])
            toward_sum = gram[alive].sum(dim=1) / hull.lengths / sum_length
            pull = ConflictAverse(hull, toward_sum, self.c).pull(holds_zero=not bool(alive.all()))
            weights[alive] += self.c * sum_length / hull.lengths * pull
        return weights / {"1+c^2": 1 + self.c**2, "1+c": 1 + self.c, "none": 1.0}[self.rescale]


@dataclass(frozen=True)
class ConflictAverse:
    r"""Minimise :math:`b^\top z + c \sqrt{z^\top C z}`, the dual of CAGrad in units of :math:`m \lVert g_0 \rVert`.

    On a face's affine hull, let :math:`x_0` be the point nearest to zero and p the negative projection of :math:`g_0`
    on its directions. The minimum is :math:`x_0 + p \lVert x_0 \rVert / \sqrt{c^2 - \lVert p \rVert^2}`; it does not
    exist for :math:`\lVert p \rVert \ge c`.

    Attributes:
        hull: Convex hull of the non-zero gradients.
        toward_sum: b, the cosines of the gradients with the mean, shape ``(T,)``.
        c: Radius of the ball.
    """

    hull: Hull
    toward_sum: Tensor
    c: float

    def candidates(self, faces: Tensor) -> Tensor:
        """Return the minimum on each face's affine hull, ``(F, T)``; not finite where no minimum exists."""
        sides = torch.eye(len(self.hull) + 1, dtype=torch.float64)[:, -2:].clone()
        sides[:, 0] = -torch.cat([self.toward_sum, self.toward_sum.new_zeros(1)])
        p, nearest = self.hull.stationary(sides, faces).unbind(dim=2)
        stretch = self.hull.lengths_of(nearest) / (self.c**2 - self.hull.lengths_of(p) ** 2).sqrt()
        return nearest + stretch.unsqueeze(1) * p

    def violation(self, points: Tensor) -> Tensor:
        r"""Return the duality gap, ``(F,)``: the largest shortfall of a task, in units of its length times the mean's."""
        return (self.values(points).unsqueeze(1) * self.hull.shortness - self.served(points)).amax(dim=1)

    def served(self, points: Tensor) -> Tensor:
        r"""Return :math:`g_i \cdot d` for the d of each point, ``(F, T)``, in the units of ``violation``."""
        length = self.hull.lengths_of(points).unsqueeze(1)
        return self.toward_sum + self.c * (points @ self.hull.cosines) / length

    def values(self, points: Tensor) -> Tensor:
        """Return the objective, ``(F,)``, at points ``(F, T)``."""
        return points @ self.toward_sum + self.c * self.hull.lengths_of(points)

    def value_and_slope(self, point: Tensor) -> tuple[Tensor, Tensor]:
        """Return the objective and its gradient; at zero, the gradient of the smooth part only."""
        along = self.hull.cosines @ point
        length = (point @ along).clamp(min=0).sqrt()
        slope = self.toward_sum + (self.c * along / length if length > 0 else 0)
        return self.toward_sum @ point + self.c * length, slope

    def pull(self, holds_zero: bool) -> Tensor:
        """Return the unit vector along the minimum as weights of the unit gradients, ``(T,)``; zeros if it is zero.

        Args:
            holds_zero: Whether the full set of gradients also contains a zero gradient, which ``hull`` leaves out.
        """
        points, violation = best_points(self)
        lengths = self.hull.lengths_of(points)
        violation[self.hull.vanish(points)] = torch.inf
        best = int(violation.argmin())
        if violation[best].isinf() or self._is_zero(points[best], lengths[best], holds_zero):
            return torch.zeros_like(points[best])
        return points[best] / lengths[best]

    def _is_zero(self, best: Tensor, length: Tensor, holds_zero: bool) -> bool:
        """Return whether the minimum is the value 0 at the point zero, rather than the best of the other points."""
        if self.values(best.unsqueeze(0)) < -(ZERO**0.5) * length:
            return False
        if not holds_zero and self.served(best.unsqueeze(0)).min() > ZERO**0.5:  # every task descends along d
            return False
        return holds_zero or bool(self.hull.vanish(shortest_point(self.hull).unsqueeze(0)))
