"""Base class for reproducible training with bit-exact resume: seeds, gradient scaler, state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from ignite.engine import Events
from monai.engines import SupervisedTrainer
from monai.engines.workflow import Workflow

from fundus_mtl.engines import _ranks as ranks
from fundus_mtl.engines._seeding import derived, seed_data, seed_torch
from fundus_mtl.precision import Precision


class ResumableTrainer(SupervisedTrainer):
    """MONAI's trainer with seeded random numbers and a complete ``state_dict``.

    * Data order and augmentation of an epoch are drawn from ``(seed, epoch)``, dropout of an iteration from
      ``(seed, iteration)``. Random numbers drawn by handlers have no influence, and resume is bit-exact.
    * The trainer has one gradient scaler, part of ``state_dict``; MONAI creates a new one in every ``run``. Only float16
      uses it.
    * ``state_dict`` contains the names of the method and of the precision; loading the state of another method or
      precision raises an error.

    Args:
        *args: Arguments of MONAI's ``SupervisedTrainer``.
        seed: Seed of all random numbers in training.
        amp: Precision of the network: a setting of `fundus_mtl.precision.Precision.of`. ``amp_kwargs`` can add arguments
            of ``torch.autocast``.
        **kwargs: Arguments of MONAI's ``SupervisedTrainer``.

    Raises:
        ValueError: if the data loader uses persistent workers, or the precision is unknown.
    """

    def __init__(self, *args: Any, seed: int = 0, amp: str | bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.precision = Precision.of(amp, self.state.device)
        self.amp = self.precision.mixed
        self.amp_kwargs: dict[str, Any] = {**self.precision.autocast, **(kwargs.get("amp_kwargs") or {})}
        if getattr(self.data_loader, "persistent_workers", False):
            raise ValueError(
                "persistent_workers: expected False, but got True; workers that outlive an epoch keep its random state."
            )
        self.seed = seed
        self.scaler = torch.amp.GradScaler(self.state.device.type, enabled=self.precision.needs_scaler)
        self.add_event_handler(Events.EPOCH_STARTED, self._seed_epoch)

    def run(self) -> None:
        """Train until ``max_epochs``; do nothing if the loaded state has already reached it.

        Raises:
            ValueError: if the data loader has no batch, or the number of batches differs between ranks.
            FloatingPointError: if a loss is not finite and there is no gradient scaler; lists the tasks.
        """
        if self.state.epoch_length == 0:
            raise ValueError(
                "Trainer: expected at least one batch, but got none; use a smaller batch_size or more photographs."
            )
        if self.state.iteration and self.state.epoch >= self.state.max_epochs:
            # ignite would treat a finished state as new and train all epochs again.
            self.logger.warning(
                f"Already trained for {self.state.epoch} epochs of {self.state.max_epochs}: nothing to do."
            )
            return
        self.logger.info(f"Precision: {self.precision.name}.")
        ranks.expect_equal(self.state.epoch_length or 0, "batches per epoch", self.state.device)
        ranks.broadcast([*self.network.parameters(), *self.network.buffers()])
        Workflow.run(self)  # SupervisedTrainer.run would replace the scaler

    def state_dict(self) -> dict[str, Any]:
        """Return the current epoch, the engine's user keys, the precision, and the states of the scaler and the method."""
        method = {"name": self._method_name(), **self._method_state()}
        own = {"precision": self.precision.name, "scaler": self.scaler.state_dict(), "method": method}
        return {**super().state_dict(), **own}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore what ``state_dict`` returned.

        Raises:
            ValueError: if the state belongs to another method or another precision.
        """
        own = dict(state_dict)
        scaler, method = own.pop("scaler", {}), own.pop("method", {})
        precision = own.pop("precision", self.precision.name)  # older states have none
        if precision != self.precision.name:
            raise ValueError(
                f"resume: expected a state that was trained in {self.precision.name}, but got one in {precision}; add "
                f"amp={precision}."
            )
        if method.get("name", self._method_name()) != self._method_name():
            raise ValueError(
                f"resume: expected the state of {self._method_name()}, but got that of {method['name']}; use the overlays "
                "that the training started with, or another output folder."
            )
        super().load_state_dict(own)
        self._load_method_state(method)
        if scaler:  # a disabled scaler has an empty state
            self.scaler.load_state_dict(scaler)

    def seed_iteration(self) -> None:
        """Seed the dropout of this iteration; a handler that repeats the forward pass draws the same numbers."""
        seed_torch(derived(self.seed, 1, self.state.iteration, ranks.rank()), self.state.device)

    def _seed_epoch(self) -> None:
        seed_data(self.data_loader, derived(self.seed, 0, self.state.epoch, ranks.rank()))
        # If an epoch is shorter than the loader, its iterator is still open and would continue in the old order.
        self._dataloader_iter = None

    def _method_name(self) -> str:
        """Return the name that identifies the method in a checkpoint."""
        return type(self).__name__

    def _method_state(self) -> dict[str, Any]:
        """Return the state that the method keeps between steps."""
        return {}

    def _load_method_state(self, state: Mapping[str, Any]) -> None:
        """Restore what ``_method_state`` returned."""
