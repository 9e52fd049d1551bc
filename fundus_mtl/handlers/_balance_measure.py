"""Size and direction of each task's gradient in a network.

Source: Hervella et al., Multi-Adaptive Optimization, sections 5.2.6 and 5.2.7 (layer-wise and step-wise magnitudes of
gradients and of contributions to the update); cosines and conflicts as in Yu et al., Gradient Surgery, NeurIPS 2020.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fundus_mtl.autograd import Gradients


@dataclass(frozen=True)
class Balance:
    r"""The result of one measurement for K tasks and L layers; all tensors are float64 on the CPU, NaN if unknown.

    Args:
        tasks: tasks of the network.
        labelled: tasks with a label in the batch; all values of the other tasks are unknown.
        layers: names of the modules with parameters, in the order of the network.
        norms: ``(K,)``, :math:`\lVert g_i \rVert` over the parameters that at least two labelled tasks reach.
        gradients: ``(K,)``, mean :math:`|g_i|` over all parameters that the task reaches, loss per unit of weight.
        contributions: ``(K,)``, mean absolute contribution of the gradient to the update, units of weight per step.
        layer_gradients: ``(K, L)``, mean :math:`|g_i|` per layer.
        layer_contributions: ``(K, L)``, per layer.
        cosines: ``(K, K)``, of pairs of gradients over the parameters that both reach.
        layer_cosines: ``(L, K, K)``, per layer.
    """

    tasks: tuple[str, ...]
    labelled: frozenset[str]
    layers: tuple[str, ...]
    norms: Tensor
    gradients: Tensor
    contributions: Tensor
    layer_gradients: Tensor
    layer_contributions: Tensor
    cosines: Tensor
    layer_cosines: Tensor

    @property
    def conflict_rate(self) -> float:
        """Share of negative cosines among the pairs with a known cosine; NaN if there is no such pair."""
        first, second = torch.triu_indices(len(self.tasks), len(self.tasks), 1)
        return float(_negative_share(self.cosines[first, second]))

    @property
    def layer_conflicts(self) -> Tensor:
        """Share of the other tasks whose gradient has a negative cosine with a task's in a layer, ``(K, L)``."""
        own = torch.eye(len(self.tasks), dtype=torch.bool)
        return _negative_share(self.layer_cosines.masked_fill(own, torch.nan)).T

    def numbers(self) -> dict[str, float]:
        """Return the numbers of labelled tasks and of their pairs by name; NaN stays NaN."""
        found: dict[str, float] = {}
        known = [(i, task) for i, task in enumerate(self.tasks) if task in self.labelled]
        for i, task in known:
            found[f"gradient_norm_{task}"] = float(self.norms[i])
            found[f"gradient_mean_{task}"] = float(self.gradients[i])
            found[f"contribution_{task}"] = float(self.contributions[i])
        for place, (i, one) in enumerate(known):
            for j, other in known[place + 1 :]:
                found[f"cosine_{one}_{other}"] = float(self.cosines[i, j])
        return found | ({"conflict_rate": self.conflict_rate} if len(known) > 1 else {})


def layer_names(parameters: Sequence[str]) -> list[str]:
    """Return the module of each parameter: its name without the last part; ``network`` for the root module."""
    return [name.rpartition(".")[0] or "network" for name in parameters]


def magnitudes(
    tasks: Sequence[str], layer_of: Sequence[str], entries: Mapping[str, Iterable[Tensor | None]]
) -> tuple[Tensor, Tensor]:
    """Return the mean absolute entry per task ``(K,)``, and per task and layer ``(K, L)``, over entries that exist.

    Args:
        tasks: tasks in the order of the rows.
        layer_of: layer of each parameter.
        entries: ``{task: one tensor or None per parameter}``; iterated once, so that they may be generators.
    """
    layers = list(dict.fromkeys(layer_of))
    total, count = torch.zeros(2, len(tasks), len(layers), dtype=torch.float64)
    for row, task in enumerate(tasks):
        for layer, entry in zip(layer_of, entries.get(task, [None] * len(layer_of)), strict=True):
            if entry is not None:
                column = layers.index(layer)
                total[row, column] += torch.linalg.vector_norm(entry.detach(), 1, dtype=torch.float64).cpu()
                count[row, column] += entry.numel()
    return _finite(total.sum(1) / count.sum(1)), _finite(total / count)


def directions(
    tasks: Sequence[str], layer_of: Sequence[str], gradients: Mapping[str, Gradients]
) -> tuple[Tensor, Tensor, Tensor]:
    """Return norms over what is shared ``(K,)``, cosines ``(K, K)``, and cosines per layer ``(L, K, K)``.

    The cosine of a pair, including the norms in it, is over the parameters that both tasks reach. Sums are in float64,
    because in float32 a cosine near zero may have the wrong sign. At most one parameter's gradients are held in float64 at
    a time.
    """
    layers = list(dict.fromkeys(layer_of))
    gram, squares = torch.zeros(2, len(layers), len(tasks), len(tasks), dtype=torch.float64)
    norms = torch.zeros(len(tasks), dtype=torch.float64)
    shares = torch.zeros(len(tasks), dtype=torch.bool)
    for layer, rows, products in _products(tasks, layer_of, gradients):
        own, column = products.diagonal(), layers.index(layer)
        gram[column, rows[:, None], rows] += products
        squares[column, rows[:, None], rows] += own[:, None].expand_as(products)
        if len(rows) > 1:
            norms[rows] += own
            shares[rows] = True
    norms = _finite(norms.sqrt().masked_fill(~shares, torch.nan))
    return norms, _cosines(gram.sum(0), squares.sum(0)), _cosines(gram, squares)


def _products(
    tasks: Sequence[str], layer_of: Sequence[str], gradients: Mapping[str, Gradients]
) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Yield the layer of each parameter with a gradient, the rows of the tasks that reach it, and their scalar products."""
    for index, layer in enumerate(layer_of):
        found = {
            row: gradient
            for row, task in enumerate(tasks)
            if task in gradients and (gradient := gradients[task][index]) is not None
        }
        if found:
            matrix = torch.stack([gradient.detach().flatten().double() for gradient in found.values()])
            yield layer, torch.tensor(list(found)), (matrix @ matrix.T).cpu()


def _cosines(gram: Tensor, squares: Tensor) -> Tensor:
    return _finite(gram / (squares.sqrt() * squares.mT.sqrt())).clamp(-1, 1)


def _negative_share(cosines: Tensor) -> Tensor:
    return (cosines < 0).sum(-1).double() / (~cosines.isnan()).sum(-1)


def _finite(values: Tensor) -> Tensor:
    return values.where(values.isfinite(), torch.nan)
