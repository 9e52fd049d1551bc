"""What makes a training repeatable, and one that was stopped go on bit for bit: seeds, scaler, state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from ignite.engine import Events
from monai.engines import SupervisedTrainer
from monai.engines.workflow import Workflow

from fundus_mtl.engines import _ranks as ranks
from fundus_mtl.engines._seeding import derived, seed_data, seed_torch


class ResumableTrainer(SupervisedTrainer):
    """MONAI's trainer, with everything random drawn from a seed and everything remembered in its state.

    * Every epoch's data order and augmentation and every iteration's dropout are drawn from ``(seed, epoch)`` and
      ``(seed, iteration)``. What handlers draw in between changes nothing, and a resumed training continues bit for bit.
    * There is one gradient scaler for the trainer's life, part of ``state_dict``; MONAI makes a new one at every ``run``.
    * ``state_dict`` says whose it is: another method's is refused.

    Args:
        *args: of MONAI's ``SupervisedTrainer``.
        seed: of everything random in training.
        **kwargs: of MONAI's ``SupervisedTrainer``.

    Raises:
        ValueError: if the loader's workers outlive an epoch.
    """

    def __init__(self, *args: Any, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if getattr(self.data_loader, "persistent_workers", False):
            raise ValueError(
                "persistent_workers: expected False, but got True; workers that outlive an epoch keep its random state."
            )
        self.seed = seed
        self.scaler = torch.amp.GradScaler(self.state.device.type, enabled=self.amp)
        self.add_event_handler(Events.EPOCH_STARTED, self._seed_epoch)

    def run(self) -> None:
        """Train until ``max_epochs``; nothing is left to do for a state that has come so far already.

        Raises:
            ValueError: if there is no batch to train on, or ranks have different numbers of them.
            FloatingPointError: if a loss is not finite, without mixed precision; the tasks are named.
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
        ranks.expect_equal(self.state.epoch_length or 0, "batches per epoch", self.state.device)
        ranks.broadcast([*self.network.parameters(), *self.network.buffers()])
        Workflow.run(self)  # SupervisedTrainer.run would replace the scaler

    def state_dict(self) -> dict[str, Any]:
        """Return the epoch reached, the engine's user keys, the scaler's state and the method's."""
        method = {"name": self._method_name(), **self._method_state()}
        return {**super().state_dict(), "scaler": self.scaler.state_dict(), "method": method}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore what ``state_dict`` returned.

        Raises:
            ValueError: if it is another method's state.
        """
        own = dict(state_dict)
        scaler, method = own.pop("scaler", {}), own.pop("method", {})
        if method.get("name", self._method_name()) != self._method_name():
            raise ValueError(
                f"resume: expected the state of {self._method_name()}, but got that of {method['name']}; take the overlays "
                "that the training began with, or another output folder."
            )
        super().load_state_dict(own)
        self._load_method_state(method)
        if scaler:  # a disabled scaler has an empty state
            self.scaler.load_state_dict(scaler)

    def seed_iteration(self) -> None:
        """Seed this iteration's dropout; a handler that repeats the forward draws the same."""
        seed_torch(derived(self.seed, 1, self.state.iteration, ranks.rank()), self.state.device)

    def _seed_epoch(self) -> None:
        seed_data(self.data_loader, derived(self.seed, 0, self.state.epoch, ranks.rank()))
        # An iterator left over from an epoch shorter than the loader would carry the old order into this one.
        self._dataloader_iter = None

    def _method_name(self) -> str:
        """Name the method as a state is to be marked with: one of another method must not be taken for this one's."""
        return type(self).__name__

    def _method_state(self) -> dict[str, Any]:
        """Return what the method remembers from step to step."""
        return {}

    def _load_method_state(self, state: Mapping[str, Any]) -> None:
        """Restore what ``_method_state`` returned."""
