"""MGDA: the shortest vector in the convex hull of the tasks' gradients.

Source: Sener and Koltun, Multi-Task Learning as Multi-Objective Optimization, NeurIPS 2018; Désidéri, C. R. Acad.
Sci. 2012. Public implementations run Frank-Wolfe on the simplex, which is off by several percent for eight tasks; here
the minimum is exact for up to eight.
"""

from __future__ import annotations

import torch
from torch import Tensor

from fundus_mtl.aggregation._gram import GramAggregator
from fundus_mtl.aggregation._hull import Hull
from fundus_mtl.aggregation._shortest import shortest_point


class MGDA(GramAggregator):
    r"""Return K times the shortest vector of the gradients' convex hull.

    The update is :math:`K \sum_i \alpha_i g_i` with :math:`\alpha` on the simplex minimising
    :math:`\lVert \sum_i \alpha_i g_i \rVert`. No task's loss increases along it, to first order. If zero lies in the
    convex hull, as for two exactly opposite gradients, the point is Pareto-stationary and the update is zero.

    A task whose gradient is exactly zero would make the minimum zero for all tasks. It is left out with weight 0, and
    K is the number of the other tasks, as if it had no label in this batch. If all gradients are zero, the update is
    zero.

    The result is exact for up to eight gradients (closed form on every face of the hull, optimality conditions to
    1e-9). For more, only the faces around an iterative solution are searched. Squared lengths are resolved to 1e-16 of
    the longest gradient's, as in any Gram matrix.
    """

    def weights(self, gram: Tensor) -> Tensor:
        """Return K times the simplex weight of each task's gradient, shape ``(T,)``, from the Gram matrix ``(T, T)``."""
        weights = torch.zeros(len(gram), dtype=gram.dtype)
        alive = gram.diagonal() > 0
        if alive.any():
            hull = Hull.of(gram[alive][:, alive])
            weights[alive] = len(hull) * hull.shortness * shortest_point(hull)
        return weights
