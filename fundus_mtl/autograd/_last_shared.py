"""Find the layer at which GradNorm compares the tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor


def last_shared(losses: Mapping[str, Tensor], parameters: Sequence[Tensor]) -> int | None:
    """Find the last layer that all losses reach, at which GradNorm compares the tasks.

    The graph decides which layer is last: the one whose weight the forward pass used latest. Vectors (biases, affine
    parameters of norms) are ignored.

    Args:
        losses: ``{task: loss ()}`` on one graph.
        parameters: Candidate parameters.

    Returns:
        The index of the layer's weight in ``parameters``, or None if the losses have no weight in common.
    """
    used = [_uses(loss) for loss in losses.values()]
    moments = {
        index: max(use[id(parameter)] for use in used)
        for index, parameter in enumerate(parameters)
        if parameter.ndim > 1 and all(id(parameter) in use for use in used)
    }
    return max(moments, key=lambda index: moments[index]) if moments else None


def _uses(loss: Tensor) -> dict[int, int]:
    """Return ``{id of leaf: autograd sequence number of its last use}`` for the leaves that the loss depends on."""
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
