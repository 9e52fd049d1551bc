"""The layer at which GradNorm compares the tasks, found in the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor


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
