"""MAO: one forward pass and one backward pass per task; each task's gradients update its own moments.

Source: Hervella et al., Multi-Adaptive Optimization for multi-task learning with deep neural networks, 2024, algorithm
    1.
"""

from __future__ import annotations

from typing import Any

import torch
from monai.engines.utils import IterationEvents
from torch import Tensor

from fundus_mtl.autograd import Gradients, assign_grad
from fundus_mtl.engines._prepare_batch import Targets
from fundus_mtl.engines._task_gradients import TaskGradientTrainer


class MultiAdaptiveTrainer(TaskGradientTrainer):
    """Pass the gradients of each task to an optimizer that keeps moments per task, then step once.

    Without a gradient scaler and without accumulation, the gradients of a task are accumulated and freed before the
    next task is differentiated: K·P gradients are never in memory together, and ``.grad`` stays ``None``. Otherwise
    they are collected first, because an overflow must be known before any moment changes: it skips the whole iteration.
    ``.grad`` then contains their sum, which the scaler checks.

    Args:
        *args: Arguments of ``MultiTaskTrainer``; ``optimizer`` has ``accumulate(task, gradients)``, as ``MAO`` does.
        **kwargs: Arguments of ``MultiTaskTrainer``.

    Raises:
        TypeError: if the optimizer has no ``accumulate``.
        FloatingPointError: during training, if gradients are not finite without mixed precision; lists the tasks.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not hasattr(self.optimizer, "accumulate"):
            raise TypeError(
                f"MultiAdaptiveTrainer: expected an optimizer with accumulate(task, gradients), but got "
                f"{type(self.optimizer).__name__}; use fundus_mtl.optim.MAO."
            )

    def _step(self, image: Tensor, targets: Targets) -> None:
        first, last = self._accumulation()
        losses = self._losses(image, targets)
        if self.accumulation_steps == 1 and not self.scaler.is_enabled():
            self._step_streaming(losses)
            return
        self._gather(losses, first)
        if last and (gradients := self._taken()):
            self._step_gathered(gradients)

    def _step_streaming(self, losses: dict[str, Tensor]) -> None:
        finite = {}
        for task, gradients in self._stream(losses):
            finite[task] = _finite(gradients).to(self.state.device)
            self.optimizer.accumulate(task, self._in_optimizer_order(gradients))
            del gradients
        if not finite:
            return
        # Read once after all tasks, because each reading waits for the GPU.
        flags = torch.stack(list(finite.values())).cpu().tolist()
        if broken := [task for task, good in zip(finite, flags, strict=True) if not good]:
            self._raise_not_finite(broken)
        self.fire_event(IterationEvents.BACKWARD_COMPLETED)
        self.optimizer.step()

    def _step_gathered(self, gradients: dict[str, Gradients]) -> None:
        total = _summed(gradients)
        if all(entry is None for entry in total):  # all weights that the losses reach are frozen
            return
        assign_grad(self._trainable(), total)
        self.fire_event(IterationEvents.BACKWARD_COMPLETED)
        if _finite(total):  # the same check as the scaler's: one part that is not finite makes the sum not finite
            self._accumulate_unscaled(gradients)
        elif not self.scaler.is_enabled():
            self._raise_not_finite(
                [task for task, entries in gradients.items() if not _finite(entries)] or list(gradients)
            )
        self._update(self.optimizer)
        self.scaler.update()

    def _accumulate_unscaled(self, gradients: dict[str, Gradients]) -> None:
        factor = 1 / self.scaler.get_scale()
        for task, entries in gradients.items():
            if reached := [entry for entry in entries if entry is not None]:
                torch._foreach_mul_(reached, factor)
            self.optimizer.accumulate(task, self._in_optimizer_order(entries))

    def _in_optimizer_order(self, gradients: Gradients) -> Gradients:
        by_parameter = {id(p): entry for p, entry in zip(self._trainable(), gradients, strict=True)}
        return [by_parameter.get(id(p)) for group in self.optimizer.param_groups for p in group["params"]]


def _summed(gradients: dict[str, Gradients]) -> Gradients:
    entries = [[e for e in column if e is not None] for column in zip(*gradients.values(), strict=True)]
    return [torch.stack(column).sum(dim=0) if column else None for column in entries]


def _finite(gradients: Gradients) -> Tensor:
    flags = [entry.isfinite().all() for entry in gradients if entry is not None]
    return torch.stack(flags).all() if flags else torch.tensor(True)
