"""Compute the gradient of each task, find the sharing groups, and assign gradients to parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

Gradients = list[Tensor | None]  # one entry per parameter; None where the loss does not reach it


def task_gradients(losses: Mapping[str, Tensor], parameters: Sequence[Tensor]) -> Iterator[tuple[str, Gradients]]:
    """Differentiate each loss in turn; the last backward pass frees the graph.

    ``.grad`` is neither read nor written. If the caller drops each result before it asks for the next, only one task's
    gradients are in memory.

    Args:
        losses: ``{task: loss ()}`` on one graph.
        parameters: Parameters with ``requires_grad``.

    Yields:
        The name of a task and its gradients, in the order of ``parameters``.
    """
    names = list(losses)
    for name in names:
        if losses[name].requires_grad:
            retain = name != names[-1]
            yield name, _owned(torch.autograd.grad(losses[name], parameters, retain_graph=retain, allow_unused=True))
        else:  # all parameters that this loss reaches are frozen
            yield name, [None] * len(parameters)


def _owned(gradients: Sequence[Tensor | None]) -> Gradients:
    """Return gradients that share no memory, because they are modified in place later.

    Autograd may return the same tensor for two terms of a sum, and expanded tensors for plain sums.
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
    """Group parameters by the set of tasks that reach them.

    Args:
        gradients: ``{task: one entry per parameter}``.

    Returns:
        ``{tasks, in the order of the mapping: indices of parameters}``; parameters that no task reaches are left out.
    """
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, entries in enumerate(zip(*gradients.values(), strict=True)):
        tasks = tuple(name for name, entry in zip(gradients, entries, strict=True) if entry is not None)
        if tasks:
            groups.setdefault(tasks, []).append(index)
    return groups


def assign_grad(parameters: Sequence[Tensor], gradients: Gradients) -> None:
    """Assign gradients to ``.grad``; with ``None`` the optimizer does not change the parameter."""
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
