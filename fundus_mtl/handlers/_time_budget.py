"""End a training after a given time."""

from __future__ import annotations

import logging
from typing import Any

import ignite.distributed as idist
from ignite.engine import Events

from fundus_mtl.handlers._step_cost import StepCost

_logger = logging.getLogger(__name__)


class TimeBudget:
    """End a training at the first validated epoch after the given time, as if it were the last epoch.

    ignite's ``TimeLimit`` stops in the middle of an epoch, does not count the time before a resume, and leaves weights that
    were not validated. A learning rate schedule with a fixed end does not reach it; use one without a fixed end.

    Args:
        minutes: limit in minutes of training and validation, including those before a resume.
        cost: handler that measures the time.
        interval: number of epochs between validations.

    Raises:
        ValueError: if the limit is not positive.
    """

    def __init__(self, minutes: float, cost: StepCost, interval: int = 1) -> None:
        if not minutes > 0:
            raise ValueError(f"max_minutes: expected a positive number, but got {minutes}; write null for no limit.")
        self.minutes, self.cost, self.interval = minutes, cost, interval

    def attach(self, engine: Any) -> None:
        """Register with a trainer, after its `StepCost` and its validation, which is counted too."""
        engine.add_event_handler(Events.EPOCH_COMPLETED(every=self.interval), self._stop_if_spent)

    def _stop_if_spent(self, engine: Any) -> None:
        spent = idist.all_reduce(
            self.cost.spent, op="MAX"
        )  # the same value in all processes, or they would wait for each other forever
        if spent >= 60 * self.minutes:
            _logger.info(
                "The limit of %g minutes was reached after epoch %d: the training ends.",
                self.minutes,
                engine.state.epoch,
            )
            engine.terminate()
