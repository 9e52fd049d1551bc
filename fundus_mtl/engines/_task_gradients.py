"""Base class of the surgery and MAO trainers: one forward pass, then one backward pass per task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from monai.utils import CommonKeys as Keys
from torch import Tensor

from fundus_mtl.autograd import Gradients, task_gradients
from fundus_mtl.engines import _ranks as ranks
from fundus_mtl.engines._multi_task_trainer import MultiTaskTrainer
from fundus_mtl.engines._prepare_batch import Targets


class TaskGradientTrainer(MultiTaskTrainer):
    """Compute the gradients of each task, summed over ranks and accumulated batches, before they are combined.

    Gradients contain the scaler's factor until a subclass removes it. The factor is the same for all tasks, so it has
    no influence on homogeneous rules.

    Args:
        *args: Arguments of ``MultiTaskTrainer``.
        **kwargs: Arguments of ``MultiTaskTrainer``.
    """

    accumulates = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._gathered: dict[str, Gradients] = {}

    def _losses(self, image: Tensor, targets: Targets) -> dict[str, Tensor]:
        losses = self._forward(image, targets)
        if losses:
            self.state.output[Keys.LOSS] = torch.stack([loss.detach() for loss in losses.values()]).sum()
        return losses

    def _stream(self, losses: Mapping[str, Tensor]) -> Iterator[tuple[str, Gradients]]:
        """Yield each task's scaled gradients, summed over the ranks while the next task is differentiated."""
        parameters = self._trainable()
        scaled = {name: self.scaler.scale(loss / self.accumulation_steps) for name, loss in losses.items()}
        waiting: list[tuple[str, ranks.PendingSum]] = []
        for name, gradients in task_gradients(scaled, parameters):
            waiting.append((name, ranks.PendingSum(gradients, parameters)))
            del gradients
            if len(waiting) > 1 or ranks.world_size() == 1:
                yield _arrived(waiting)
        while waiting:
            yield _arrived(waiting)

    def _gather(self, losses: Mapping[str, Tensor], first: bool) -> None:
        """Add the gradients of this batch to those of the previous batches of the same step."""
        if first:
            self._gathered = {}
        for name, gradients in self._stream(losses):
            so_far = self._gathered.get(name)
            self._gathered[name] = gradients if so_far is None else _added(so_far, gradients)

    def _taken(self) -> dict[str, Gradients]:
        """Return the accumulated gradients in the order of the tasks, and reset them."""
        gathered, self._gathered = self._gathered, {}
        return {name: gathered[name] for name in self._labelled if name in gathered}

    def _raise_not_finite(self, tasks: list[str]) -> None:
        """Raise for gradients that are not finite although no scaler is in use.

        Raises:
            FloatingPointError: always, with the names of the tasks.
        """
        raise FloatingPointError(
            f"{type(self).__name__}: expected finite gradients, but got others from {', '.join(tasks)} at iteration "
            f"{self.state.iteration}; lower the learning rate or check the labels of this batch."
        )


def _arrived(waiting: list[tuple[str, ranks.PendingSum]]) -> tuple[str, Gradients]:
    name, pending = waiting.pop(0)
    return name, pending.wait()


def _added(so_far: Gradients, more: Gradients) -> Gradients:
    pairs = zip(so_far, more, strict=True)
    return [b if a is None else a if b is None else a.add_(b) for a, b in pairs]
