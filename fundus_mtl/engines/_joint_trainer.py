"""Joint training: one forward pass, one backward pass over the weighted sum of the losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from ignite.engine import Events
from monai.engines.utils import IterationEvents
from monai.utils import CommonKeys as Keys
from torch import Tensor

from fundus_mtl.autograd import Gradients, last_shared
from fundus_mtl.engines import _ranks as ranks
from fundus_mtl.engines._multi_task_trainer import MultiTaskTrainer
from fundus_mtl.engines._perturbation import Box, perturbed
from fundus_mtl.engines._prepare_batch import Targets
from fundus_mtl.weighting import Sum


class JointTrainer(MultiTaskTrainer):
    """Step once on ``weighting({task: loss})``.

    A batch without any label is skipped. With ``accumulation_steps`` n, the gradients of n batches are averaged before
    the step; incomplete groups at the end of an epoch are stepped too, as in MONAI's trainer. ``state.output`` also
    contains ``weight_<task>``, the weight of the task's loss.

    If the weighting has ``needs_gradient_norms = True``, it receives the gradient norm of each loss at the last layer
    that all tasks of the batch reach (one partial backward pass per task). If it has ``start_epoch``, this is called at
    the start of each epoch. If it has ``after_step``, it receives the losses of the same batch after each step, from
    one more forward pass without gradients, with the same dropout, which does not change running statistics. Its
    ``state_dict``, if any, is part of the trainer's state.

    Args:
        *args: Arguments of ``MultiTaskTrainer``.
        weighting: Function from the losses to the number that is differentiated; default: ``Sum``.
        **kwargs: Arguments of ``MultiTaskTrainer``.
    """

    accumulates = True

    def __init__(self, *args: Any, weighting: Callable[..., Tensor] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.weighting: Any = weighting or Sum()
        self._weights: dict[str, Tensor] = {}
        if hasattr(self.weighting, "start_epoch"):
            # At the start, so that a state saved at the end of an epoch does not depend on the order of the handlers.
            self.add_event_handler(Events.EPOCH_STARTED, self.weighting.start_epoch)

    def contributions(self, gradients: Mapping[str, Gradients]) -> dict[str, Gradients]:
        """Return each task's gradients times the weight of its loss in the last step (one before the first step)."""
        return {
            task: [None if entry is None else entry * self._weights.get(task, 1.0) for entry in entries]
            for task, entries in gradients.items()
        }

    def _step(self, image: Tensor, targets: Targets) -> None:
        first, last = self._accumulation()
        if first:
            self.optimizer.zero_grad(set_to_none=True)
        losses = self._forward(image, targets)
        if losses:
            self._expect_finite(losses)
            total = self._weigh(losses)
            self.state.output[Keys.LOSS] = total.detach()
            if total.requires_grad:
                self.scaler.scale(total / self.accumulation_steps).backward()
                self.fire_event(IterationEvents.BACKWARD_COMPLETED)
        if last:
            self._sum_grad_over_ranks()
            if self._has_gradient():
                self._update(self.optimizer)
                self.scaler.update()
                if hasattr(self.weighting, "after_step"):
                    self.weighting.after_step(self._losses_again(image, targets))

    @torch.no_grad()
    def _losses_again(self, image: Tensor, targets: Targets) -> dict[str, Tensor]:
        """Return the losses of the same batch with the new weights."""
        self.seed_iteration()
        network = perturbed(self.network, Box(None), (), (), torch.Generator())
        with torch.autocast(self.state.device.type, enabled=self.amp, **self.amp_kwargs):
            logits = self.inferer(image, network, tasks=None)
        return self._losses_of(logits, targets)

    def _weigh(self, losses: dict[str, Tensor]) -> Tensor:
        """Return the weighted sum; a loss that reaches only frozen weights is added with the weight one."""
        moving = {name: loss for name, loss in losses.items() if loss.requires_grad}
        still = [loss for name, loss in losses.items() if name not in moving]
        if not moving:
            return torch.stack(still).sum()
        if getattr(self.weighting, "needs_gradient_norms", False):
            total = self.weighting(moving, self._gradient_norms(moving))
        else:
            total = self.weighting(moving)
        weights = torch.autograd.grad(total, list(moving.values()), retain_graph=True, allow_unused=True)
        for name, weight in zip(moving, weights, strict=True):
            self._weights[name] = weight if isinstance(weight, Tensor) else torch.zeros_like(losses[name])
            self.state.output[f"weight_{name}"] = self._weights[name]
        return total + torch.stack(still).sum() if still else total

    def _gradient_norms(self, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the gradient norm of each unweighted loss, shape ``()``, at the last layer that all of them reach."""
        parameters = self._trainable()
        index = last_shared(losses, parameters)
        if index is None:
            raise ValueError(
                f"{type(self.weighting).__name__}: expected a layer that all of {list(losses)} reach and train, but got "
                "none; use a network with a shared trunk that is not frozen, or another weighting."
            )
        weight = [parameters[index]]
        norms = {}
        for name, loss in losses.items():  # scaled: half precision would lose small gradients
            (gradient,) = torch.autograd.grad(self.scaler.scale(loss), weight, retain_graph=True)
            (total,) = ranks.PendingSum([gradient], weight).wait()
            assert total is not None  # all losses reach this weight
            norms[name] = total.norm() / self.scaler.get_scale()
        return norms

    def _has_gradient(self) -> bool:
        return any(p.grad is not None for group in self.optimizer.param_groups for p in group["params"])

    def _method_name(self) -> str:
        return f"{super()._method_name()} with {type(self.weighting).__name__}"

    def _method_state(self) -> dict[str, Any]:
        stateful = hasattr(self.weighting, "state_dict")
        return {"weighting": self.weighting.state_dict()} if stateful else {}

    def _load_method_state(self, state: Mapping[str, Any]) -> None:
        if "weighting" in state and hasattr(self.weighting, "load_state_dict"):
            self.weighting.load_state_dict(state["weighting"])
