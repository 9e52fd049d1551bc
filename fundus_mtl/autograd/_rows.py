"""Gradients of a sharing group as rows: weighted sum, and conversion to one matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from fundus_mtl.autograd._task_gradients import Gradients


def rows_of(gradients: Mapping[str, Gradients], tasks: Sequence[str], indices: Sequence[int]) -> list[list[Tensor]]:
    """Pick a sharing group's gradients: one list of tensors per task."""
    return [[g for i in indices if (g := gradients[task][i]) is not None] for task in tasks]


def combine(weights: Sequence[float], rows: Sequence[list[Tensor]]) -> list[Tensor]:
    """Return the weighted sum of T gradients, written into the first one's memory.

    Args:
        weights: One number per task.
        rows: T lists of tensors of the same shapes; the tensors of the first list are overwritten.
    """
    first = rows[0]
    torch._foreach_mul_(first, float(weights[0]))
    for weight, row in zip(weights[1:], rows[1:], strict=True):
        torch._foreach_add_(first, row, alpha=float(weight))
    return first


def as_matrix(rows: Sequence[Sequence[Tensor]]) -> Tensor:
    """Flatten T gradients into one matrix ``(T, P)``."""
    return torch.stack([torch.cat([tensor.flatten() for tensor in row]) for row in rows])


def as_tensors(vector: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Split a vector ``(P,)`` into tensors with the shapes and types of ``like``."""
    parts = vector.split([tensor.numel() for tensor in like])
    return [part.view(tensor.shape).to(tensor.dtype) for part, tensor in zip(parts, like, strict=True)]
