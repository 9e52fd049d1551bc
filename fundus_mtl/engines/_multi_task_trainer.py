"""Base class of all trainers: batch, ranks, mixed precision and events. Subclasses implement the step."""

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
from fundus_mtl.engines._finite_losses import FiniteLosses
from fundus_mtl.engines._prepare_batch import Targets, count_labels
from fundus_mtl.engines._resumable_trainer import ResumableTrainer


class MultiTaskTrainer(ResumableTrainer):
    """Run the training step of a method on batches with a label per task.

    Differences from MONAI's trainer:

    * Seeds, resume and the gradient scaler: see ``ResumableTrainer``.
    * ``state.output`` contains ``image``, ``label``, ``pred_<task>`` (logits) and ``loss``. For tasks with a label it
      also contains ``loss_<task>`` and ``labelled_<task>``, the number of samples in that mean.
    * If ``torch.distributed`` is initialised, all ranks start with the weights of rank 0, the loss of a task is the
      mean over the labelled samples of *all* ranks, and its gradients are summed over the ranks before the method
      combines
      them: n ranks give the same result as one rank with the n-fold batch. Do not wrap the network in
      ``DistributedDataParallel``. Batch norm uses only the samples of its own rank; at the end of every epoch the
      running statistics of rank 0 are copied to all ranks.

    Args:
        network: Network with ``forward(image, tasks=None) -> {task: logits}``.
        loss_function: Function ``(logits, labels, presence) -> {task: loss}``, for example ``MultiTaskLoss``.
        prepare_batch: Function that returns image and ``Targets``, for example ``PrepareMultiTaskBatch``.
        seed: Seed of all random numbers in training.
        **kwargs: Arguments of ``ResumableTrainer`` and of MONAI's ``SupervisedTrainer``.

    Raises:
        ValueError: if ``accumulation_steps`` is above one and the method cannot accumulate, or the data loader uses
            persistent workers.
    """

    accumulates = False  # whether the gradients of several batches can be accumulated into one step

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
                "tasks step one after the other on the same batch, so use a larger batch or JointTrainer."
            )
        super().__init__(*args, loss_function=loss_function, prepare_batch=prepare_batch, seed=seed, **kwargs)
        self._unread: list[FiniteLosses] = []

    @abstractmethod
    def _step(self, image: Tensor, targets: Targets) -> None:
        """Update the network once on a batch, fill ``state.output`` and fire the events of the iteration."""

    @property
    def optimizer_at_work(self) -> Optimizer:
        """The optimizer that steps in the current iteration."""
        return self.optimizer

    def contributions(self, gradients: Mapping[str, Gradients]) -> dict[str, Gradients]:
        """Return each task's contribution to the combined gradient, before the optimizer; changes no state.

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
        self._raise_if_broken()
        if self._position() + 1 == self.state.epoch_length:
            ranks.broadcast(list(self.network.buffers()))
        self.fire_event(IterationEvents.MODEL_COMPLETED)
        return self.state.output

    def _forward(self, image: Tensor, targets: Targets, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        """Run the network for some tasks and return their losses; store predictions and losses in ``state.output``."""
        with torch.autocast(self.state.device.type, enabled=self.amp, **self.amp_kwargs):
            logits = self.inferer(image, self.network, tasks=tasks)
        self.state.output.update({f"pred_{name}": value.detach() for name, value in logits.items()})
        self.fire_event(IterationEvents.FORWARD_COMPLETED)
        losses = self._losses_of(logits, targets)
        for name, loss in losses.items():
            self.state.output[f"loss_{name}"] = loss.detach()
            self.state.output[f"labelled_{name}"] = self._labelled[name]
        self.fire_event(IterationEvents.LOSS_COMPLETED)
        return losses

    def _losses_of(self, logits: Mapping[str, Tensor], targets: Targets) -> dict[str, Tensor]:
        """Return the mean losses over the labelled samples of all ranks."""
        losses: dict[str, Tensor] = self.loss_function(logits, *targets)
        if ranks.world_size() > 1:
            losses = ranks.share_losses(losses, logits, count_labels(targets), self._labelled)
        return losses

    def _trainable(self) -> list[Tensor]:
        """Return the network's parameters that the optimizer updates, in the network's order."""
        held = {id(parameter) for group in self.optimizer.param_groups for parameter in group["params"]}
        return [p for p in self.network.parameters() if p.requires_grad and id(p) in held]

    def _expect_finite(self, losses: Mapping[str, Tensor]) -> None:
        """Check before the next step that losses are finite; a scaler would skip the step instead."""
        if losses and not self.scaler.is_enabled():
            self._unread.append(FiniteLosses(losses))

    def _update(self, optimizer: Optimizer) -> None:
        """Step an optimizer, unless a loss is not finite, which would make every weight NaN."""
        self._raise_if_broken()
        self.scaler.step(optimizer)

    def _raise_if_broken(self) -> None:
        checks, self._unread = self._unread, []
        if broken := list(dict.fromkeys(name for check in checks for name in check.broken())):
            raise FloatingPointError(
                f"{type(self).__name__}: expected finite losses, but got others from {', '.join(broken)} at iteration "
                f"{self.state.iteration}; lower the learning rate or check the labels of this batch."
            )

    def _sum_grad_over_ranks(self) -> None:
        """Replace every ``.grad`` of the network by its sum over the ranks."""
        if ranks.world_size() > 1:
            parameters = self._trainable()
            assign_grad(parameters, ranks.PendingSum([p.grad for p in parameters], parameters).wait())

    def _position(self) -> int:
        """Return the index of this iteration in its epoch, from 0."""
        length = self.state.epoch_length
        return int(self.state.iteration - 1 if length is None else (self.state.iteration - 1) % length)

    def _accumulation(self) -> tuple[bool, bool]:
        """Return whether this batch is the first, and whether it is the last, of the batches of one step."""
        at, steps = self._position(), self.accumulation_steps
        return at % steps == 0, (at + 1) % steps == 0 or at + 1 == self.state.epoch_length
