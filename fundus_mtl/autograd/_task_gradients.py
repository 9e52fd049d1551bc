"""Each task's gradient by itself, who shares what, and the way to the optimizer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

Gradients = list[Tensor | None]  # one entry per parameter; None where the loss does not reach it


def task_gradients(losses: Mapping[str, Tensor], parameters: Sequence[Tensor]) -> Iterator[tuple[str, Gradients]]:
    """Differentiate each loss in turn; the last one frees the graph.

    ``.grad`` is neither read nor written. Drop what was yielded before asking for the next, and no more than one task's
    gradients are in memory.

    Args:
        losses: ``{task: loss ()}`` on one graph.
        parameters: with ``requires_grad``.

    Yields:
        A task and its gradients in the parameters' order.
    """
    names = list(losses)
    for name in names:
        if losses[name].requires_grad:
            retain = name != names[-1]
            yield name, _owned(torch.autograd.grad(losses[name], parameters, retain_graph=retain, allow_unused=True))
        else:  # everything that this loss reaches is frozen
            yield name, [None] * len(parameters)


def _owned(gradients: Sequence[Tensor | None]) -> Gradients:
    """Give each gradient memory of its own, for they are written to later.

    Autograd hands out one tensor for two terms of a sum, and expanded ones for plain sums.
    """
    seen: set[int] = set()
    owned: Gradients = []
    for gradient in gradients:
        if gradient is not None:
            expanded = any(
                stride == 0 and size > 1 for stride, size in zip(gradient.stride(), gradient.shape, strict=True)
            )
            if expanded or gradient.data_ptr() in seen:
                gradient = gradient.clone(memory_format=torch.contiguous_format)
            seen.add(gradient.data_ptr())
        owned.append(gradient)
    return owned


def sharing_groups(gradients: Mapping[str, Gradients]) -> dict[tuple[str, ...], list[int]]:
    """Sort parameters by the set of tasks that reach them.

    Args:
        gradients: ``{task: one entry per parameter}``.

    Returns:
        ``{tasks, in the mapping's order: indices of parameters}``; what no task reaches is in no group.
    """
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, entries in enumerate(zip(*gradients.values(), strict=True)):
        tasks = tuple(name for name, entry in zip(gradients, entries, strict=True) if entry is not None)
        if tasks:
            groups.setdefault(tasks, []).append(index)
    return groups


def assign_grad(parameters: Sequence[Tensor], gradients: Gradients) -> None:
    """Hand gradients to the optimizer; ``None`` means that it leaves the parameter alone."""
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
