"""GradDrop as published: gradients of shared activations are dropped by their sign, then one backward pass continues.

Source: Chen et al., Just Pick a Sign, NeurIPS 2020, algorithm 1, and the authors' code (``graddrop.py`` of Lingvo).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from monai.engines.utils import IterationEvents
from monai.utils import CommonKeys as Keys
from torch import Tensor, nn

from fundus_mtl.engines import _ranks as ranks
from fundus_mtl.engines._multi_task_trainer import MultiTaskTrainer
from fundus_mtl.engines._prepare_batch import Targets

Cuts = list[tuple[Tensor, Tensor]]  # an activation, and the leaf that later layers read instead


class ActivationTrainer(MultiTaskTrainer):
    r"""Combine the tasks' gradients at the outputs of some modules; layers below get one backward pass.

    With an activation A of shape ``(B, ...)`` and the gradient :math:`\nabla_i` of task i, the signs are those of
    :math:`G_i = \sum_b sign(A_b) \odot \nabla_{i,b}`, summed over the batch of all ranks. The rule turns the rows
    :math:`G_i` into factors of the same shape, and :math:`\sum_i factor_i \odot \nabla_i` is the gradient of A.

    An output that other cut modules read is cut there too: its rows are the gradients that reach it without passing
    another cut, and the combined gradients of later cuts are added afterwards. Parameters after the cuts get the plain
    sum of the losses' gradients. Rows exist for the labelled tasks that reach an activation; one row stays unchanged.
    The authors' code multiplies the result by a ratio of norms that it calls constant but that is not; this is left out.

    Args:
        *args: Arguments of ``MultiTaskTrainer``.
        aggregator: Rule with ``factors((T, P)) -> (T, P)``: ``GradDrop``.
        cut: Names of the modules whose outputs are cut: tensors, or lists, tuples or dictionaries of tensors. A
            ``ModuleList`` or ``ModuleDict`` stands for its entries.
        **kwargs: Arguments of ``MultiTaskTrainer``.

    Raises:
        ValueError: if a name is not a module of the network, or, during training, if a module was not called.
    """

    accumulates = True

    def __init__(self, *args: Any, aggregator: Any, cut: Sequence[str] = ("encoder",), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.aggregator = aggregator
        self.cut = _modules(self.network, cut)

    def _step(self, image: Tensor, targets: Targets) -> None:
        first, last = self._accumulation()
        if first:
            self.optimizer.zero_grad(set_to_none=True)
        with _cutting(self.cut) as cuts:
            losses = self._forward(image, targets)
        if losses:
            self._expect_finite(losses)
            self.state.output[Keys.LOSS] = torch.stack([loss.detach() for loss in losses.values()]).sum()
            self._backward({name: loss for name, loss in losses.items() if loss.requires_grad}, cuts)
            self.fire_event(IterationEvents.BACKWARD_COMPLETED)
        if last:
            self._sum_grad_over_ranks()
            if any(p.grad is not None for p in self._trainable()):
                self._update(self.optimizer)
                self.scaler.update()

    def _backward(self, losses: Mapping[str, Tensor], cuts: Cuts) -> None:
        rows: list[list[Tensor | None]] = [[] for _ in cuts]
        for loss in losses.values():
            self.scaler.scale(loss / self.accumulation_steps).backward(retain_graph=True)
            for (_, leaf), own in zip(cuts, rows, strict=True):
                own.append(leaf.grad)
                leaf.grad = None
        # From the last activation to the first: what comes from later ones is in the leaf's gradient by then.
        for (activation, leaf), own in zip(reversed(cuts), reversed(rows), strict=True):
            direct = self._combined(activation, own)
            parts = [part for part in (direct, leaf.grad) if part is not None]
            if parts and activation.requires_grad:
                activation.backward(torch.stack(parts).sum(0), retain_graph=True)

    def _combined(self, activation: Tensor, rows: Sequence[Tensor | None]) -> Tensor | None:
        """Return the combined gradient of an activation ``(B, ...)``; None if no task reaches it on any rank."""
        like = [torch.zeros_like(activation[0], dtype=_wide(activation)) for _ in rows]
        sign = activation.detach().sign()
        own = [None if row is None else (sign * row).sum(0, dtype=_wide(activation)) for row in rows]
        signed = ranks.PendingSum(own, like).wait()
        arrived = [(row, total) for row, total in zip(rows, signed, strict=True) if total is not None]
        if len(arrived) < 2:
            return arrived[0][0] if arrived else None
        factors = self.aggregator.factors(torch.stack([total.flatten() for _, total in arrived]))
        pairs = zip(factors, arrived, strict=True)
        parts = [factor.view_as(activation[0]) * row for factor, (row, _) in pairs if row is not None]
        return torch.stack(parts).sum(0).to(activation.dtype) if parts else None

    def _method_name(self) -> str:
        return f"{super()._method_name()} with {type(self.aggregator).__name__}"

    def _method_state(self) -> dict[str, Any]:
        return {"rule": self.aggregator.state_dict()}

    def _load_method_state(self, state: Mapping[str, Any]) -> None:
        if "rule" in state:
            self.aggregator.load_state_dict(state["rule"])


def _wide(activation: Tensor) -> torch.dtype:
    return torch.promote_types(activation.dtype, torch.float32)


def _modules(network: nn.Module, names: Sequence[str]) -> dict[str, nn.Module]:
    """Return modules by name; containers that are never called are replaced by their entries."""
    known = dict(network.named_modules())
    found: dict[str, nn.Module] = {}
    for name in names:
        if name not in known:
            raise ValueError(
                f"cut: expected the name of a module of the network, but got {name!r}; see named_modules()."
            )
        if isinstance(known[name], nn.ModuleList | nn.ModuleDict):
            found |= {f"{name}.{key}": module for key, module in known[name].named_children()}
        else:
            found[name] = known[name]
    return found


@contextmanager
def _cutting(modules: Mapping[str, nn.Module]) -> Iterator[Cuts]:
    """Replace the outputs of modules by leaves while the network runs.

    Raises:
        ValueError: if a module was not called.
    """
    cuts: Cuts = []
    called: set[str] = set()

    def cut(value: Any) -> Any:
        if isinstance(value, Tensor):
            leaf = value.detach().requires_grad_()
            cuts.append((value, leaf))
            return leaf
        if isinstance(value, Mapping):
            return {key: cut(each) for key, each in value.items()}
        return [cut(each) for each in value]

    def hook(name: str) -> Any:
        def replace(module: nn.Module, given: Any, output: Any) -> Any:
            called.add(name)
            return cut(output)

        return replace

    handles = [module.register_forward_hook(hook(name)) for name, module in modules.items()]
    try:
        yield cuts
    finally:
        for handle in handles:
            handle.remove()
    if missed := [name for name in modules if name not in called]:
        raise ValueError(
            f"cut: expected modules that the network calls, but got {missed[0]}, which was not called; name modules inside "
            "it, or those that read it."
        )
