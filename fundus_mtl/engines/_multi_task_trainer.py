"""What all trainers share: batch, seeds, ranks, mixed precision, events, state. The step itself is the subclass."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from monai.engines import SupervisedTrainer
from monai.engines.utils import IterationEvents
from monai.utils import CommonKeys as Keys
from torch import Tensor
from torch.optim import Optimizer

from fundus_mtl.autograd import Gradients, assign_grad
from fundus_mtl.engines import _ranks as ranks
from fundus_mtl.engines._prepare_batch import Targets, count_labels
from fundus_mtl.engines._resumable_trainer import ResumableTrainer


class MultiTaskTrainer(ResumableTrainer):
    """Run one method's step on batches with a label per task.

    Differences from MONAI's trainer, each with its reason:

    * Seeds, resume and the gradient scaler: see ``ResumableTrainer``.
    * ``state.output`` holds ``image``, ``label``, ``pred_<task>`` (logits), ``loss``, and of the tasks that had a
      label ``loss_<task>`` and ``labelled_<task>``, the number of samples it is the mean of.
    * Where ``torch.distributed`` is initialised, the weights of rank 0 are everyone's at the start, a task's loss is the
      mean over the labelled samples of *all* ranks, and its gradients are summed over the ranks before a method sees
      them: n ranks do what one does with the n-fold batch. Do not wrap the network in ``DistributedDataParallel``. Batch
      norm sees its own rank's samples only; its running statistics are rank 0's from the end of every epoch on.

    Args:
        network: ``forward(image, tasks=None) -> {task: logits}``.
        loss_function: ``(logits, labels, presence) -> {task: loss}``, for instance ``MultiTaskLoss``.
        prepare_batch: returns image and ``Targets``, for instance ``PrepareMultiTaskBatch``.
        seed: of everything random in training.
        **kwargs: of MONAI's ``SupervisedTrainer``; ``amp`` is bfloat16 on a CPU and float16 on a GPU unless ``amp_kwargs``
            say otherwise.

    Raises:
        ValueError: if ``accumulation_steps`` is above one and the method's step cannot accumulate, or the loader's workers
            outlive an epoch.
    """

    accumulates = False  # whether the step may be spread over several batches

    def __init__(
        self,
        *args: Any,
        loss_function: Callable[..., dict[str, Tensor]],
        prepare_batch: Callable[..., tuple[Tensor, Targets]],
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        if kwargs.get("accumulation_steps", 1) > 1 and not self.accumulates:
            raise ValueError(
                f"accumulation_steps: expected 1 for {type(self).__name__}, but got {kwargs['accumulation_steps']}; its "
                "tasks step one after the other on the same batch, so take a larger batch or JointTrainer."
            )
        super().__init__(*args, loss_function=loss_function, prepare_batch=prepare_batch, seed=seed, **kwargs)

    @abstractmethod
    def _step(self, image: Tensor, targets: Targets) -> None:
        """Update the network once on a batch, filling ``state.output`` and firing the iteration's events."""

    @property
    def optimizer_at_work(self) -> Optimizer:
        """The optimizer of the present iteration's step."""
        return self.optimizer

    def contributions(self, gradients: Mapping[str, Gradients]) -> dict[str, Gradients]:
        """Tell what of each task's gradient enters the update, before the optimizer; moves no state.

        Args:
            gradients: ``{task: one entry per trainable parameter of the network}``.
        """
        return dict(gradients)

    def _iteration(self, engine: SupervisedTrainer, batchdata: Mapping[str, Any] | None) -> dict[str, Any]:
        if batchdata is None:
            raise ValueError("Trainer: expected a batch, but got None; check the data loader.")
        image, targets = self.prepare_batch(batchdata, self.state.device, self.non_blocking, **self.to_kwargs)
        self.seed_iteration()
        self.network.train()
        self.state.output = {Keys.IMAGE: image, Keys.LABEL: targets.labels, Keys.LOSS: torch.tensor(float("nan"))}
        self._labelled = ranks.sum_counts(count_labels(targets), self.state.device)
        self._step(image, targets)
        if self._position() + 1 == self.state.epoch_length:
            ranks.broadcast(list(self.network.buffers()))
        self.fire_event(IterationEvents.MODEL_COMPLETED)
        return self.state.output

    def _forward(self, image: Tensor, targets: Targets, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        """Run the network for some tasks and return their losses, noting both in ``state.output``."""
        with torch.autocast(self.state.device.type, enabled=self.amp, **self.amp_kwargs):
            logits = self.inferer(image, self.network, tasks=tasks)
        self.state.output.update({f"pred_{name}": value.detach() for name, value in logits.items()})
        self.fire_event(IterationEvents.FORWARD_COMPLETED)
        losses: dict[str, Tensor] = self.loss_function(logits, *targets)
        if ranks.world_size() > 1:
            losses = ranks.share_losses(losses, logits, count_labels(targets), self._labelled)
        for name, loss in losses.items():
            self.state.output[f"loss_{name}"] = loss.detach()
            self.state.output[f"labelled_{name}"] = self._labelled[name]
        self.fire_event(IterationEvents.LOSS_COMPLETED)
        return losses

    def _trainable(self) -> list[Tensor]:
        """Return the network's parameters that the optimizer moves, in the network's order."""
        held = {id(parameter) for group in self.optimizer.param_groups for parameter in group["params"]}
        return [p for p in self.network.parameters() if p.requires_grad and id(p) in held]

    def _expect_finite(self, losses: Mapping[str, Tensor]) -> None:
        """Stop before a loss that is not finite makes every weight NaN; a scaler would skip the step instead."""
        if not self.scaler.is_enabled() and not bool(torch.stack(list(losses.values())).isfinite().all()):
            broken = [name for name, loss in losses.items() if not bool(loss.isfinite())]
            raise FloatingPointError(
                f"{type(self).__name__}: expected finite losses, but got others from {', '.join(broken)} at iteration "
                f"{self.state.iteration}; lower the learning rate or look at this batch's labels."
            )

    def _sum_grad_over_ranks(self) -> None:
        """Turn every ``.grad`` of the network into the sum over the ranks."""
        if ranks.world_size() > 1:
            parameters = self._trainable()
            assign_grad(parameters, ranks.PendingSum([p.grad for p in parameters], parameters).wait())

    def _position(self) -> int:
        """Where this iteration stands in its epoch, from 0."""
        length = self.state.epoch_length
        return int(self.state.iteration - 1 if length is None else (self.state.iteration - 1) % length)

    def _accumulation(self) -> tuple[bool, bool]:
        """Whether this batch is the first, and the last, of those that one step is made of."""
        at, steps = self._position(), self.accumulation_steps
        return at % steps == 0, (at + 1) % steps == 0 or at + 1 == self.state.epoch_length
