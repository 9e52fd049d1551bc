"""Joint training: one forward, one backward over the weighted sum of the losses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monai.engines.utils import IterationEvents
from monai.utils import CommonKeys as Keys
from torch import Tensor

from fundus_mtl.engines._multi_task_trainer import MultiTaskTrainer
from fundus_mtl.engines._prepare_batch import Targets
from fundus_mtl.weighting import Sum


class JointTrainer(MultiTaskTrainer):
    """Step once on ``weighting({task: loss})``.

    A batch without any label is passed over. With ``accumulation_steps`` n, the gradients of n batches are averaged before
    the step, and what is left at the end of an epoch is stepped too, as in MONAI's trainer.

    Args:
        *args: of ``MultiTaskTrainer``.
        weighting: from losses to the number that is differentiated; ``Sum`` by default.
        **kwargs: of ``MultiTaskTrainer``.
    """

    accumulates = True

    def __init__(
        self, *args: Any, weighting: Callable[[dict[str, Tensor]], Tensor] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.weighting = weighting or Sum()

    def _step(self, image: Tensor, targets: Targets) -> None:
        first, last = self._accumulation()
        if first:
            self.optimizer.zero_grad(set_to_none=True)
        losses = self._forward(image, targets)
        if losses:
            total = self.weighting(losses)
            self.state.output[Keys.LOSS] = total.detach()
            self.scaler.scale(total / self.accumulation_steps).backward()
            self.fire_event(IterationEvents.BACKWARD_COMPLETED)
        if last and self._has_gradient():
            self.scaler.step(self.optimizer)
            self.scaler.update()

    def _accumulation(self) -> tuple[bool, bool]:
        """Whether this batch is the first, and the last, of those that one step is made of."""
        length = self.state.epoch_length
        at = self.state.iteration - 1 if length is None else (self.state.iteration - 1) % length
        steps = self.accumulation_steps
        return at % steps == 0, (at + 1) % steps == 0 or at + 1 == length

    def _has_gradient(self) -> bool:
        return any(p.grad is not None for group in self.optimizer.param_groups for p in group["params"])
