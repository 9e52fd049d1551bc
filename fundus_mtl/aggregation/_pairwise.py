"""Base class of PCGrad and MAMG: compare each task's gradient with every other, in random order."""

from __future__ import annotations

from abc import abstractmethod
from operator import mul

import torch
from torch import Tensor

from fundus_mtl.aggregation._generator import OwnGenerator
from fundus_mtl.aggregation._gram import GramAggregator

Matrix = list[list[float]]


def dot(one: list[float], other: list[float]) -> float:
    """Return the dot product of two vectors of a few numbers."""
    return sum(map(mul, one, other))


class PairwiseSurgery(GramAggregator):
    r"""Change each gradient where it conflicts with another, then add them up.

    Task :math:`i` starts from :math:`g_i` and visits all other tasks in a new random order for each :math:`i`. Where
    its gradient as changed so far, :math:`g_i'`, and the original gradient :math:`g_j` of the other task have
    :math:`g_i' \cdot g_j < 0`, a subclass edits :math:`g_i'`. The update is :math:`\sum_i g_i'`.

    Args:
        seed: Seed of the visiting order. The generator lives on the CPU, is the same on every rank and is part of
            ``state_dict``.
    """

    _generator: OwnGenerator

    def __init__(self, seed: int = 0) -> None:
        self._generator = OwnGenerator(seed)

    def weights(self, gram: Tensor) -> Tensor:
        """Return the weight of each task's gradient, shape ``(T,)``, from the Gram matrix ``(T, T)``."""
        dots: Matrix = gram.tolist()  # plain numbers: an operation on a tensor of T numbers takes longer than all of T²
        changed = torch.eye(len(dots)).tolist()  # row i: g_i' as a combination of the original gradients
        for i, row in enumerate(changed):
            for j in self._others(i, len(dots)):
                if dots[j][j] > 0 and dot(row, dots[j]) < 0:
                    self._edit(row, j, dots)
        return torch.tensor(changed, dtype=gram.dtype).sum(dim=0)

    @abstractmethod
    def _edit(self, row: list[float], other: int, dots: Matrix) -> None:
        """Edit a gradient in place that is in conflict with that of task ``other``.

        Args:
            row: Weights of the original gradients, T numbers.
            other: Index of a task whose gradient is not zero.
            dots: Dot products of the original gradients, T rows of T numbers.
        """

    def _others(self, task: int, count: int) -> list[int]:
        # Drawn even if nothing conflicts, so that the order does not depend on earlier gradients.
        order = torch.randperm(count, generator=self._generator.on(torch.device("cpu")))
        return [other for other in order.tolist() if other != task]
