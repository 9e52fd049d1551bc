"""A schedule that would end before the training is refused before the first step; others step as with MONAI's handler."""

from __future__ import annotations

import math

import pytest
import torch
from ignite.engine import Engine
from torch.optim import lr_scheduler as schedules

from fundus_mtl.handlers import LrSchedule
from fundus_mtl.handlers._lr_schedule import last_step

BATCHES = 4


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)


def one_cycle(steps, own=None):
    return schedules.OneCycleLR(own or optimizer(), max_lr=1.0, total_steps=steps)


def constant(own):
    return schedules.ConstantLR(own, factor=1.0)


def in_sequence(first, *parts):
    """A constant rate, then another schedule from a step on."""
    own = optimizer()
    return schedules.SequentialLR(own, [constant(own), *(part(own) for part in parts)], milestones=[first])


def chained(steps):
    own = optimizer()
    return schedules.ChainedScheduler([constant(own), one_cycle(steps, own)])


def train(schedule, epochs, epoch_level=False, state=None):
    """Return how many steps were taken."""
    taken = []
    engine = Engine(lambda *_: taken.append(schedule.optimizer.step() if hasattr(schedule, "optimizer") else None))
    LrSchedule(schedule, epoch_level=epoch_level, print_lr=False).attach(engine)
    if state:
        engine.load_state_dict(state)
    engine.run(range(BATCHES), max_epochs=epochs)
    return len(taken)


KINDS = {
    "one_cycle": lambda steps: one_cycle(steps),
    "chained": lambda steps: chained(steps),
    "in_sequence": lambda steps: in_sequence(3, lambda own: one_cycle(steps - 3, own)),
}


@pytest.mark.filterwarnings("ignore::UserWarning")  # PyTorch's about the order of steps in a SequentialLR
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("steps", [5, 8, 11])
def test_the_last_step_is_that_of_pytorch(kind, steps):
    """The oracle is PyTorch itself, stepped until it raises."""
    schedule = KINDS[kind](steps)
    for _ in range(steps):
        schedule.step()
    with pytest.raises(ValueError, match="Tried to step"):
        schedule.step()
    assert last_step(KINDS[kind](steps)) == steps


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_part_that_is_left_before_its_end_sets_no_limit():
    own = optimizer()
    schedule = schedules.SequentialLR(own, [one_cycle(3, own), constant(own)], milestones=[4])
    assert last_step(schedule) == math.inf
    for _ in range(50):
        schedule.step()


@pytest.mark.parametrize(
    "make", [constant, lambda own: schedules.CosineAnnealingLR(own, 3), schedules.ReduceLROnPlateau]
)
def test_a_schedule_without_an_end(make):
    assert last_step(make(optimizer())) == math.inf


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_a_schedule_is_long_enough_or_refused_at_the_start(kind):
    assert train(KINDS[kind](8), epochs=2) == 8
    with pytest.raises(
        ValueError, match=r"^lr_scheduler: expected at least 12 steps for max_epochs=3, but got a \w+ of 8"
    ):
        train(KINDS[kind](8), epochs=3)


def test_nothing_is_trained_before_the_refusal():
    schedule = one_cycle(8)
    before = schedule.state_dict()
    with pytest.raises(ValueError, match="use max_epochs=2, or start a new training"):
        train(schedule, epochs=3)
    assert schedule.state_dict() == before


def test_a_resume_with_more_epochs_is_refused_with_both_numbers():
    """The state restores the length of the schedule, whatever the new configuration says."""
    first = one_cycle(8)
    assert train(first, epochs=1) == 4
    resumed = one_cycle(12)
    resumed.load_state_dict(first.state_dict())
    state = {"iteration": 4, "epoch_length": BATCHES, "max_epochs": 3}
    with pytest.raises(
        ValueError, match="expected at least 12 steps for max_epochs=3, but got a OneCycleLR of 8 steps"
    ):
        train(resumed, epochs=3, state=state)
    assert train(resumed, epochs=2, state=state | {"max_epochs": 2}) == 4


def test_a_schedule_of_epochs_counts_epochs():
    assert train(one_cycle(3), epochs=3, epoch_level=True) == 12
    with pytest.raises(ValueError, match="expected at least 4 steps for max_epochs=4, but got a OneCycleLR of 3 steps"):
        train(one_cycle(3), epochs=4, epoch_level=True)
