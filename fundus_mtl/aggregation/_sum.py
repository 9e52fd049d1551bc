"""Plain sum of the gradients: joint training, and the reference scale of all other rules."""

from __future__ import annotations

import torch
from torch import Tensor

from fundus_mtl.aggregation._aggregator import widened
from fundus_mtl.aggregation._gram import GramAggregator


class Sum(GramAggregator):
    r"""Add the gradients up: :math:`\sum_i g_i`, the gradient of :math:`\sum_i L_i`."""

    def weights(self, gram: Tensor) -> Tensor:
        """Return ones, shape ``(T,)``; only the size of the Gram matrix ``(T, T)`` matters."""
        return torch.ones(len(gram), dtype=gram.dtype)

    def _combine(self, matrix: Tensor) -> Tensor:
        wide = widened(matrix)
        return (wide.new_ones(len(wide)) @ wide).to(matrix.dtype)  # torch sums rows more slowly
