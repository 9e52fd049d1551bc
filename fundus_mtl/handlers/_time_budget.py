"""Stop a training when its time is spent."""

from __future__ import annotations

import logging
from typing import Any

import ignite.distributed as idist
from ignite.engine import Events

from fundus_mtl.handlers._step_cost import StepCost

_logger = logging.getLogger(__name__)


class TimeBudget:
    """End a training at the first validated epoch after so many minutes, as if it had been its last.

    ignite's ``TimeLimit`` stops in the middle of an epoch, forgets what an earlier process has spent, and leaves weights
    that no validation has seen. A learning rate schedule that knows its end does not come to it: give one that does not.

    Args:
        minutes: of training and validation, those before a resume included.
        cost: that counts them.
        interval: epochs between validations.

    Raises:
        ValueError: if there is no time at all.
    """

    def __init__(self, minutes: float, cost: StepCost, interval: int = 1) -> None:
        if not minutes > 0:
            raise ValueError(f"max_minutes: expected a positive number, but got {minutes}; write null for no limit.")
        self.minutes, self.cost, self.interval = minutes, cost, interval

    def attach(self, engine: Any) -> None:
        """Listen to a trainer, after its `StepCost` and its validation, which is paid for too."""
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.interval), self._stop_if_spent)

    def _stop_if_spent(self, engine: Any) -> None:
        spent = idist.all_reduce(self.cost.spent, op="MAX")  # one clock for all ranks, or they would wait for ever
        if spent >= 60 * self.minutes:
            _logger.info(
                "The %g minutes are spent after epoch %d: the training ends.", self.minutes, engine.state.epoch
            )
            engine.terminate()
