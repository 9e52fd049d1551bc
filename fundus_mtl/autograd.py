"""Gradients per task: taken one by one, grouped by who shares what, combined in place.

A parameter is *shared* by the tasks whose losses reach it, and reaching is asked of autograd (a gradient that is ``None``
has not arrived), never of a module's name: four tasks share the U-Net's encoder, and three of them its decoder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

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


def rows_of(gradients: Mapping[str, Gradients], tasks: Sequence[str], indices: Sequence[int]) -> list[list[Tensor]]:
    """Pick a sharing group's gradients: one list of tensors per task."""
    return [[g for i in indices if (g := gradients[task][i]) is not None] for task in tasks]


def gram(rows: Sequence[Sequence[Tensor]]) -> Tensor:
    """Return the Gram matrix ``(T, T)`` of T gradients, in float64 on their device.

    Summed in float64 tensor by tensor: in float32 a cosine near zero can change its sign, and with it a method's verdict.

    Args:
        rows: T lists of tensors of the same shapes.
    """
    total = rows[0][0].new_zeros((len(rows), len(rows)), dtype=torch.float64)
    for tensors in zip(*rows, strict=True):
        matrix = torch.stack([tensor.flatten().double() for tensor in tensors])
        total += matrix @ matrix.T
    return total


def combine(weights: Sequence[float], rows: Sequence[list[Tensor]]) -> list[Tensor]:
    """Return the weighted sum of T gradients, written into the first one's memory.

    Args:
        weights: T numbers.
        rows: T lists of tensors of the same shapes; the first list's tensors are overwritten.
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
    """Cut a vector ``(P,)`` into tensors of the given ones' shapes and types."""
    parts = vector.split([tensor.numel() for tensor in like])
    return [part.view(tensor.shape).to(tensor.dtype) for part, tensor in zip(parts, like, strict=True)]


def assign_grad(parameters: Sequence[Tensor], gradients: Gradients) -> None:
    """Hand gradients to the optimizer; ``None`` means that it leaves the parameter alone."""
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient


def last_shared(losses: Mapping[str, Tensor], parameters: Sequence[Tensor]) -> int | None:
    """Find the last layer that all losses reach: where GradNorm compares the tasks.

    *Last* is asked of the graph: the weight that the forward pass used latest. Vectors (biases, affine parameters of
    norms) do not count, for the layer's weight is meant.

    Args:
        losses: ``{task: loss ()}`` on one graph.
        parameters: candidates.

    Returns:
        The parameter's index, or None if no weight is reached by all.
    """
    used = [_uses(loss) for loss in losses.values()]
    moments = {
        index: max(use[id(parameter)] for use in used)
        for index, parameter in enumerate(parameters)
        if parameter.ndim > 1 and all(id(parameter) in use for use in used)
    }
    return max(moments, key=lambda index: moments[index]) if moments else None


def _uses(loss: Tensor) -> dict[int, int]:
    """Return when each leaf (by id) was last used on the way to a loss, by autograd's sequence numbers."""
    found: dict[int, int] = {}
    seen: set[Any] = set()
    nodes: list[Any] = [loss.grad_fn] if loss.grad_fn is not None else []
    while nodes:
        node = nodes.pop()
        for child, _ in node.next_functions:
            if child is None:
                continue
            if hasattr(child, "variable"):
                leaf = id(child.variable)
                found[leaf] = max(found.get(leaf, -1), node._sequence_nr())
            elif child not in seen:
                seen.add(child)
                nodes.append(child)
    return found
