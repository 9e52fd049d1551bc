"""One forward, then one backward per task: what surgery and MAO have in common."""

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
    """Take each task's gradients apart, summed over ranks and over accumulated batches, before anything combines them.

    Gradients carry the scaler's factor until a subclass takes it off: one factor for all tasks, to which homogeneous rules
    are blind.

    Args:
        *args: of ``MultiTaskTrainer``.
        **kwargs: of ``MultiTaskTrainer``.
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
        """Add this batch's gradients to those of the batches since the last step."""
        if first:
            self._gathered = {}
        for name, gradients in self._stream(losses):
            so_far = self._gathered.get(name)
            self._gathered[name] = gradients if so_far is None else _added(so_far, gradients)

    def _taken(self) -> dict[str, Gradients]:
        """Return what was gathered, in the order of the tasks, and forget it."""
        gathered, self._gathered = self._gathered, {}
        return {name: gathered[name] for name in self._labelled if name in gathered}

    def _refuse(self, tasks: list[str]) -> None:
        """Stop where gradients are not finite although no scaler could be at fault.

        Raises:
            FloatingPointError: naming the tasks.
        """
        raise FloatingPointError(
            f"{type(self).__name__}: expected finite gradients, but got others from {', '.join(tasks)} at iteration "
            f"{self.state.iteration}; lower the learning rate or look at this batch's labels."
        )


def _arrived(waiting: list[tuple[str, ranks.PendingSum]]) -> tuple[str, Gradients]:
    name, pending = waiting.pop(0)
    return name, pending.wait()


def _added(so_far: Gradients, more: Gradients) -> Gradients:
    pairs = zip(so_far, more, strict=True)
    return [b if a is None else a if b is None else a.add_(b) for a, b in pairs]
