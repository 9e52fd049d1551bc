"""What trainers say to each other across ranks: sums and a first broadcast, made with ``torch.distributed``.

The network is not wrapped in ``DistributedDataParallel``: partial forwards and several backwards per step break it, and
rules that combine gradients are not linear, so that the tasks' gradients have to be summed *before* they are combined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from fundus_mtl.autograd import Gradients, as_tensors


def world_size() -> int:
    """Return the number of ranks; one where nothing was initialised."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return this process's rank."""
    return dist.get_rank() if world_size() > 1 else 0


def broadcast(tensors: Sequence[Tensor]) -> None:
    """Overwrite every rank's tensors by those of rank 0."""
    if world_size() > 1:
        for tensor in tensors:
            dist.broadcast(tensor.detach(), src=0)


def sum_counts(counts: Mapping[str, int], device: torch.device) -> dict[str, int]:
    """Add counts by name up over the ranks."""
    if world_size() == 1:
        return dict(counts)
    total = torch.tensor(list(counts.values()), device=device)
    dist.all_reduce(total)
    return dict(zip(counts, total.tolist(), strict=True))


def expect_equal(number: int, what: str, device: torch.device) -> None:
    """Refuse a number that differs between ranks: they would wait for each other for ever.

    Raises:
        ValueError: on every rank.
    """
    if world_size() > 1:
        extremes = torch.tensor([number, -number], device=device)
        dist.all_reduce(extremes, op=dist.ReduceOp.MAX)
        most, least = extremes[0].item(), -extremes[1].item()
        if most != least:
            raise ValueError(
                f"{what}: expected the same on all ranks, but got {least} to {most}; take a DistributedSampler with "
                "even_divisible=True."
            )


class PendingSum:
    """One task's gradients on their way to becoming the sum over the ranks.

    The message travels while the next task is differentiated. A gradient that is None here but not elsewhere counts as
    zero; one that is None everywhere stays None.

    Args:
        gradients: of this rank.
        parameters: whose gradients they are.
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
    """A number with another number's gradient."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, value: Tensor) -> Tensor:
        """Return the value."""
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Hand the gradient on to the part."""
        return gradient, None


def share_losses(
    losses: Mapping[str, Tensor], logits: Mapping[str, Tensor], own: Mapping[str, int], total: Mapping[str, int]
) -> dict[str, Tensor]:
    """Turn this rank's mean losses into the means over all ranks' labelled samples.

    The value is the global mean, the same on every rank to the last bit; the gradient is this rank's part of it, so that the
    sum of gradients over the ranks is the gradient of the global mean.

    Args:
        losses: ``{task: mean loss ()}`` over this rank's labelled samples.
        logits: of this rank; a task without a label here takes part with a zero.
        own: labelled samples per task on this rank.
        total: over all ranks.
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
    """Zero, attached to the graph; not ``logits.sum() * 0``, which is NaN where the logits are not finite."""
    return logits[:0].sum().to(torch.promote_types(logits.dtype, torch.float32))
