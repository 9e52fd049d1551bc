"""Communication between ranks with ``torch.distributed``: sums and a broadcast.

The network is not wrapped in ``DistributedDataParallel``: partial forward passes and several backward passes per step
break it. Rules that combine gradients are not linear, so the gradients of each task must be summed over the ranks
*before* they are combined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from fundus_mtl.autograd import Gradients, as_tensors


def world_size() -> int:
    """Return the number of ranks; 1 if ``torch.distributed`` is not initialised."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return this process's rank."""
    return dist.get_rank() if world_size() > 1 else 0


def broadcast(tensors: Sequence[Tensor]) -> None:
    """Overwrite the tensors of every rank with those of rank 0."""
    if world_size() > 1:
        for tensor in tensors:
            dist.broadcast(tensor.detach(), src=0)


def sum_counts(counts: Mapping[str, int], device: torch.device) -> dict[str, int]:
    """Sum counts by name over the ranks."""
    if world_size() == 1:
        return dict(counts)
    total = torch.tensor(list(counts.values()), device=device)
    dist.all_reduce(total)
    return dict(zip(counts, total.tolist(), strict=True))


def expect_equal(number: int, what: str, device: torch.device) -> None:
    """Check that a number is the same on all ranks; otherwise they would deadlock.

    Raises:
        ValueError: on every rank, if the number differs between ranks.
    """
    if world_size() > 1:
        extremes = torch.tensor([number, -number], device=device)
        dist.all_reduce(extremes, op=dist.ReduceOp.MAX)
        most, least = extremes[0].item(), -extremes[1].item()
        if most != least:
            raise ValueError(
                f"{what}: expected the same on all ranks, but got {least} to {most}; use a DistributedSampler with "
                "even_divisible=True."
            )


class PendingSum:
    """Asynchronous sum of one task's gradients over the ranks.

    The communication overlaps with the backward pass of the next task. A gradient that is None here but not on another
    rank counts as zero; one that is None on all ranks stays None.

    Args:
        gradients: Gradients of this rank.
        parameters: Parameters that the gradients belong to.
    """

    def __init__(self, gradients: Gradients, parameters: Sequence[Tensor]) -> None:
        self._gradients = gradients
        self._work: Any = None
        if world_size() > 1:
            self._gradients = []
            self._like = [p if g is None else g for g, p in zip(gradients, parameters, strict=True)]
            parts = [
                like.new_zeros(like.numel()) if g is None else g.flatten()
                for g, like in zip(gradients, self._like, strict=True)
            ]
            reached = self._like[0].new_tensor([float(g is not None) for g in gradients])
            self._message = torch.cat([*parts, reached])
            self._work = dist.all_reduce(self._message, async_op=True)

    def wait(self) -> Gradients:
        """Return the sum over the ranks."""
        if self._work is None:
            return self._gradients
        self._work.wait()
        count = len(self._like)
        reached = (self._message[-count:] > 0).tolist()
        tensors = as_tensors(self._message[:-count].detach(), self._like)
        return [tensor if arrived else None for tensor, arrived in zip(tensors, reached, strict=True)]


class _ValueOf(torch.autograd.Function):
    """Return one tensor in the forward pass and pass the gradient to another."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, value: Tensor) -> Tensor:
        """Return the value."""
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Pass the gradient on to ``part``."""
        return gradient, None


def share_losses(
    losses: Mapping[str, Tensor], logits: Mapping[str, Tensor], own: Mapping[str, int], total: Mapping[str, int]
) -> dict[str, Tensor]:
    """Turn the mean losses of this rank into means over the labelled samples of all ranks.

    The value is the global mean, bit-identical on every rank. The gradient is this rank's part of it, so that the sum
    of the gradients over the ranks is the gradient of the global mean.

    Args:
        losses: ``{task: mean loss ()}`` over the labelled samples of this rank.
        logits: Logits of this rank; a task without a label on this rank contributes zero.
        own: Number of labelled samples per task on this rank.
        total: Number of labelled samples per task on all ranks.
    """
    names = [name for name in total if total[name] and name in logits]
    parts = [losses[name] * (own[name] / total[name]) if name in losses else _nothing(logits[name]) for name in names]
    if not parts:
        return {}
    values = torch.stack([part.detach().double() for part in parts])
    dist.all_reduce(values)
    return {
        name: _ValueOf.apply(part, value.to(part.dtype)) for name, part, value in zip(names, parts, values, strict=True)
    }


def _nothing(logits: Tensor) -> Tensor:
    """Return zero, attached to the graph. ``logits.sum() * 0`` would be NaN if the logits are not finite."""
    return logits[:0].sum().to(torch.promote_types(logits.dtype, torch.float32))
