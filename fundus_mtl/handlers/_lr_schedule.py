"""Step a learning rate schedule, after a check that it is long enough for the training."""

from __future__ import annotations

import math
from typing import Any

from ignite.engine import Events
from monai.handlers import LrScheduleHandler


class LrSchedule(LrScheduleHandler):
    """MONAI's handler, which also refuses a schedule that would end before the training.

    PyTorch's one-cycle schedule raises an error at the first step after its last one. A resumed training restores the length
    of its schedule, so with more epochs it would train on and fail at the old end.

    Args:
        lr_scheduler: Schedule of PyTorch. One that has an end states it as ``total_steps``; so may the parts of a
            ``SequentialLR`` or ``ChainedScheduler``. Others have no end.
        print_lr: Whether to log the learning rate after each step.
        name: Name of the logger.
        epoch_level: Whether to step after every epoch, instead of after every iteration.
    """

    def __init__(
        self, lr_scheduler: Any, print_lr: bool = False, name: str | None = None, epoch_level: bool = True
    ) -> None:
        super().__init__(lr_scheduler, print_lr, name, epoch_level)

    def attach(self, engine: Any) -> None:
        """Register with a trainer."""
        engine.add_event_handler(Events.STARTED, self._expect_long_enough)
        super().attach(engine)

    def _expect_long_enough(self, engine: Any) -> None:
        """Compare the steps that the training needs with those that the schedule has.

        Raises:
            ValueError: If the schedule is too short.
        """
        available = last_step(self.lr_scheduler)
        if math.isinf(available):
            return
        state, taken = engine.state, _taken(self.lr_scheduler)
        each, done = (1, state.epoch) if self.epoch_level else (state.epoch_length, state.iteration)
        needed = taken + each * state.max_epochs - done
        if needed > available:
            possible = state.max_epochs - math.ceil((needed - available) / each)
            raise ValueError(
                f"lr_scheduler: expected at least {needed} steps for max_epochs={state.max_epochs}, but got a "
                f"{type(self.lr_scheduler).__name__} of {available:g} steps ({taken} done); it cannot be made longer "
                f"after its start: use max_epochs={possible}, or start a new training with more epochs."
            )


def _taken(schedule: Any) -> int:
    """Return the number of steps so far; a ``ChainedScheduler`` leaves the count to its parts."""
    return int(schedule.last_epoch if hasattr(schedule, "last_epoch") else _taken(schedule._schedulers[0]))


def last_step(schedule: Any) -> float:
    """Return the number of steps after which a schedule raises an error; infinity for none.

    Args:
        schedule: Schedule of PyTorch.
    """
    if (total := getattr(schedule, "total_steps", None)) is not None:
        return float(total)
    parts = getattr(schedule, "_schedulers", ())
    limits = [last_step(part) for part in parts]
    if (milestones := getattr(schedule, "_milestones", None)) is not None:  # one part after the other
        starts, ends = [0, *milestones], [*milestones, math.inf]
        limits = [
            start + limit if start + limit < end - 1 else math.inf
            for start, limit, end in zip(starts, limits, ends, strict=True)
        ]
    return min(limits, default=math.inf)
