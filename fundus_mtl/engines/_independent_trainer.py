"""MTL-IO: the tasks step one after the other on the same batch, each with its own optimizer.

Source: Multi-Task Learning with Independent Optimizers, Eq. 3.
"""

from __future__ import annotations

from typing import Any

import torch
from monai.engines.utils import IterationEvents
from monai.utils import CommonKeys as Keys
from torch import Tensor

from fundus_mtl.engines._multi_task_trainer import MultiTaskTrainer
from fundus_mtl.engines._prepare_batch import Targets
from fundus_mtl.optim import OptimizerGroup


class IndependentTrainer(MultiTaskTrainer):
    r"""For k = 1..K in the order of the optimizers: :math:`w \leftarrow Opt_k(w, \nabla L_k(w))`, on the updated weights.

    The forward pass of task k+1 uses the weights after the step of task k, and computes only the part of the network
    that it needs. Parameters that a task does not reach have the gradient ``None``, so that the heads of other tasks
    neither decay nor change. A task without a label in the batch is skipped, and its optimizer does not change. With
    mixed precision an overflow skips only the step of that task.

    Args:
        *args: Arguments of ``MultiTaskTrainer``; ``optimizer`` is an ``OptimizerGroup`` with one member per task.
        **kwargs: Arguments of ``MultiTaskTrainer``.

    Raises:
        TypeError: if the optimizer is not an ``OptimizerGroup``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not isinstance(self.optimizer, OptimizerGroup):
            raise TypeError(
                f"IndependentTrainer: expected an OptimizerGroup, but got {type(self.optimizer).__name__}; build it with "
                "OptimizerGroup.per_task."
            )

    def _step(self, image: Tensor, targets: Targets) -> None:
        losses = {}
        for name in self.optimizer:
            if self._labelled[name]:
                losses.update(self._step_task(name, image, targets))
        if losses:
            self.state.output[Keys.LOSS] = torch.stack([loss.detach() for loss in losses.values()]).sum()
            if any(loss.requires_grad for loss in losses.values()):  # otherwise no step has checked for overflow
                self.scaler.update()

    def _step_task(self, name: str, image: Tensor, targets: Targets) -> dict[str, Tensor]:
        optimizer = self.optimizer[name]
        losses = self._forward(image, targets, tasks=(name,))
        self._expect_finite(losses)
        if not losses[name].requires_grad:  # all weights that this task reaches are frozen
            return losses
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(losses[name]).backward()
        self._sum_grad_over_ranks()
        self.fire_event(IterationEvents.BACKWARD_COMPLETED)
        self._update(optimizer)
        return losses
