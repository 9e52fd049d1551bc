"""Base class of the rules that need only the angles and lengths of the gradients (their Gram matrix)."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from fundus_mtl.aggregation._aggregator import Aggregator, widened
from fundus_mtl.gram_matrix import matrix_gram


class GramAggregator(Aggregator):
    r"""Combine rows with weights that depend only on their Gram matrix.

    With :math:`M = G G^\top` the update is :math:`w(M)^\top G`. The T×T part is computed in float64 on the CPU, the
    P-dimensional part on the device of the rows; see `fundus_mtl.gram_matrix` for its precision. A trainer that has the
    Gram matrix calls ``weights`` and needs no ``(T, P)`` matrix.
    """

    @abstractmethod
    def weights(self, gram: Tensor) -> Tensor:
        """Return the weight of each task's gradient, shape ``(T,)``.

        Args:
            gram: Dot products of the rows, ``(T, T)``, float64 on the CPU, finite.
        """

    def _combine(self, matrix: Tensor) -> Tensor:
        wide = widened(matrix)
        weights = self.weights(matrix_gram(wide).cpu())
        return (weights.to(wide) @ wide).to(matrix.dtype)
