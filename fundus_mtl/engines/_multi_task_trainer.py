"""What all trainers share: batch, seeds, mixed precision, events, state. The step itself is the subclass."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import torch
from ignite.engine import Events
from monai.data.utils import set_rnd
from monai.engines import SupervisedTrainer
from monai.engines.utils import IterationEvents
from monai.engines.workflow import Workflow
from monai.utils import CommonKeys as Keys
from torch import Tensor

from fundus_mtl.engines._prepare_batch import Targets


class MultiTaskTrainer(SupervisedTrainer):
    """Run one method's step on batches with a label per task.

    Differences from MONAI's trainer, each with its reason:

    * Every epoch's data order and augmentation and every iteration's dropout are drawn from ``(seed, epoch)`` and
      ``(seed, iteration)``. What handlers draw in between changes nothing, and a resumed training continues bit for bit.
    * There is one gradient scaler for the trainer's life, part of ``state_dict``; MONAI makes a new one at every ``run``.
    * ``state.output`` holds ``image``, ``label``, ``pred_<task>`` (logits), ``loss``, and of the tasks that had a
      label ``loss_<task>`` and ``labelled_<task>``, the number of samples it is the mean of.

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
        super().__init__(*args, loss_function=loss_function, prepare_batch=prepare_batch, **kwargs)
        if getattr(self.data_loader, "persistent_workers", False):
            raise ValueError(
                "persistent_workers: expected False, but got True; workers that outlive an epoch keep its random state."
            )
        self.seed = seed
        self.scaler = torch.amp.GradScaler(self.state.device.type, enabled=self.amp)
        self.add_event_handler(Events.EPOCH_STARTED, self._seed_epoch)

    @abstractmethod
    def _step(self, image: Tensor, targets: Targets) -> None:
        """Update the network once on a batch, filling ``state.output`` and firing the iteration's events."""

    def run(self) -> None:
        """Train until ``max_epochs``; nothing is left to do for a state that has come so far already.

        Raises:
            ValueError: if there is no batch to train on.
        """
        if self.state.epoch_length == 0:
            raise ValueError(
                "Trainer: expected at least one batch, but got none; take a smaller batch_size or more photographs."
            )
        if self.state.iteration and self.state.epoch >= self.state.max_epochs:
            # ignite would take a finished state for a fresh one, and train it all again.
            self.logger.warning(
                f"Already trained for {self.state.epoch} epochs of {self.state.max_epochs}: nothing to do."
            )
            return
        Workflow.run(self)  # SupervisedTrainer.run would replace the scaler

    def state_dict(self) -> dict[str, Any]:
        """Return the epoch reached, the engine's user keys, and the scaler's state."""
        return {**super().state_dict(), "scaler": self.scaler.state_dict()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore what ``state_dict`` returned."""
        own = dict(state_dict)
        scaler = own.pop("scaler", {})
        super().load_state_dict(own)
        if scaler:  # a disabled scaler has an empty state
            self.scaler.load_state_dict(scaler)

    def _iteration(self, engine: SupervisedTrainer, batchdata: Mapping[str, Any] | None) -> dict[str, Any]:
        if batchdata is None:
            raise ValueError("Trainer: expected a batch, but got None; check the data loader.")
        image, targets = self.prepare_batch(batchdata, self.state.device, self.non_blocking, **self.to_kwargs)
        torch.manual_seed(_derived(self.seed, 1, self.state.iteration))
        self.network.train()
        self.state.output = {Keys.IMAGE: image, Keys.LABEL: targets.labels, Keys.LOSS: torch.tensor(float("nan"))}
        self._step(image, targets)
        self.fire_event(IterationEvents.MODEL_COMPLETED)
        return self.state.output

    def _forward(self, image: Tensor, targets: Targets, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        """Run the network for some tasks and return their losses, noting both in ``state.output``."""
        with torch.autocast(self.state.device.type, enabled=self.amp, **self.amp_kwargs):
            logits = self.inferer(image, self.network, tasks=tasks)
        self.state.output.update({f"pred_{name}": value.detach() for name, value in logits.items()})
        self.fire_event(IterationEvents.FORWARD_COMPLETED)
        losses: dict[str, Tensor] = self.loss_function(logits, *targets)
        for name, loss in losses.items():
            self.state.output[f"loss_{name}"] = loss.detach()
            self.state.output[f"labelled_{name}"] = int(targets.presence[name].sum())
        self.fire_event(IterationEvents.LOSS_COMPLETED)
        return losses

    def _seed_epoch(self) -> None:
        seed = _derived(self.seed, 0, self.state.epoch)
        torch.manual_seed(seed)
        for drawer in (self.data_loader, getattr(self.data_loader, "sampler", None)):
            if drawer is not None and hasattr(drawer, "generator"):
                drawer.generator = torch.Generator().manual_seed(seed)
        # In this process; workers are seeded by the loader from its generator.
        set_rnd(getattr(self.data_loader, "dataset", None), seed % 2**32)
        # An iterator left over from an epoch shorter than the loader would carry the old order into this one.
        self._dataloader_iter = None


def _derived(*numbers: int) -> int:
    """Mix numbers into one seed; neighbours share nothing, as they would with a sum."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
