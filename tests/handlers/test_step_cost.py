"""What a training costs, and its end when its time is spent, on a clock that the test turns."""

from __future__ import annotations

import json

import pytest
import torch
from ignite.engine import Events

from fundus_mtl.handlers import StepCost, TimeBudget


class Keeper:
    def __init__(self):
        self.kept = []

    def keep(self, values, step):
        self.kept.append((step, dict(values)))


@pytest.fixture
def clock(monkeypatch):
    """Time stands still unless the test moves it."""
    now = [100.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    monkeypatch.setattr("time.process_time", lambda: now[0] / 2)
    return now


def steps(clock, seconds):
    """Return an iteration of a training that takes these seconds in turn."""

    def update(engine, batch):
        clock[0] += seconds[(engine.state.iteration - 1) % len(seconds)]
        return {"image": batch["image"], "loss": torch.tensor(1.0)}

    return update


def test_by_hand(tmp_path, make_engines, clock):
    """Four steps of 9, 1, 2 and 2 s: a median of 2 s, not moved by the first; another handler's second does not count."""
    keeper = Keeper()
    cost = StepCost(tmp_path, keeper)
    trainer, _ = make_engines([cost], evaluator_handlers=[], epochs=2, update=steps(clock, [9.0, 1.0, 2.0, 2.0]))
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda _: clock.__setitem__(0, clock[0] + 1))
    trainer.run()
    first = {"parameters": 4, "step_seconds": 2.0, "training_seconds": 18.0, "processor_seconds": 9.0}
    second = first | {"training_seconds": 36.0, "processor_seconds": 18.0}
    assert keeper.kept == [(1, first), (2, second)]
    assert json.loads((tmp_path / "cost.json").read_text()) == second | {"epoch": 2}


def test_every_validation_counts_the_last_one_too(tmp_path, make_engines, clock):
    """Four steps of 1 s and a validation of 5 s; what comes after the training is not part of it."""
    keeper = Keeper()
    cost = StepCost(tmp_path, keeper)
    trainer, _ = make_engines([cost], evaluator_handlers=[], epochs=2, update=steps(clock, [1.0]))
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda _: clock.__setitem__(0, clock[0] + 5))
    trainer.run()
    clock[0] += 100
    assert [(step, cost["training_seconds"]) for step, cost in keeper.kept] == [(1, 9.0), (2, 18.0)]
    written = json.loads((tmp_path / "cost.json").read_text())
    assert (written["training_seconds"], written["epoch"], cost.seconds) == (18.0, 2, 18.0)


def test_the_budget_pays_for_the_validation_before_it(tmp_path, make_engines, clock):
    """Epochs of 12 s and validations of 6 s: 33 s are spent after the second validation, not yet before it."""
    cost = StepCost(tmp_path)
    trainer, _ = make_engines([cost], evaluator_handlers=[], metrics=[0.5] * 5, epochs=5, update=steps(clock, [3.0]))
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda _: clock.__setitem__(0, clock[0] + 6))
    TimeBudget(33 / 60, cost).attach(trainer)
    trainer.run()
    assert trainer.state.epoch == 2
    assert json.loads((tmp_path / "cost.json").read_text())["training_seconds"] == 36


def test_an_epoch_that_was_cut_short_is_made_again_and_counts_once(tmp_path, make_engines, clock):
    def fail(engine):
        if engine.state.iteration == 6:
            raise OSError("disk")

    cost = StepCost(tmp_path)
    trainer, _ = make_engines([cost], evaluator_handlers=[], epochs=2, update=steps(clock, [1.0]))
    trainer.add_event_handler(Events.ITERATION_COMPLETED, fail)
    with pytest.raises(OSError, match="disk"):
        trainer.run()
    cost = StepCost(tmp_path)
    trainer, _ = make_engines([cost], evaluator_handlers=[], epochs=2, update=steps(clock, [1.0]))
    trainer.load_state_dict({"epoch_length": 4, "max_epochs": 2, "iteration": 4})
    trainer.run()
    assert cost.seconds == 8


def test_a_resumed_training_counts_on_and_a_fresh_one_begins_anew(tmp_path, make_engines, clock):
    def train(epochs, state=None):
        cost = StepCost(tmp_path)
        trainer, _ = make_engines([cost], evaluator_handlers=[], epochs=epochs, update=steps(clock, [1.0]))
        if state:
            trainer.load_state_dict({"epoch_length": 4, "max_epochs": epochs, "iteration": state})
        trainer.run()
        assert cost.processor_seconds == cost.seconds / 2
        return cost.seconds

    assert train(2) == 8
    assert train(3, state=8) == 12
    assert train(1) == 4


@pytest.mark.parametrize("minutes, interval, epochs", [(0.5, 1, 3), (0.5, 2, 4), (100, 1, 5), (0.2, 1, 1), (0.2, 3, 3)])
def test_the_budget_ends_at_a_validated_epoch(tmp_path, make_engines, clock, minutes, interval, epochs):
    """An epoch takes 12 s: half a minute is spent in the third."""
    cost = StepCost(tmp_path)
    budget = TimeBudget(minutes, cost, interval)
    trainer, _ = make_engines(
        [cost, budget], evaluator_handlers=[], metrics=[0.5] * 5, epochs=5, update=steps(clock, [3.0])
    )
    completed = []
    trainer.add_event_handler(Events.COMPLETED, lambda engine: completed.append(engine.state.epoch))
    trainer.run()
    assert completed == [epochs]


def test_the_budget_counts_what_was_spent_before(tmp_path, make_engines, clock):
    for start, expected in ((0, 2), (8, 3)):
        cost = StepCost(tmp_path)
        handlers = [cost, TimeBudget(0.4 if start == 0 else 0.45, cost)]
        trainer, _ = make_engines(
            handlers, evaluator_handlers=[], metrics=[0.5] * 9, epochs=9, update=steps(clock, [3.0])
        )
        if start:
            trainer.load_state_dict({"epoch_length": 4, "max_epochs": 9, "iteration": start})
        trainer.run()
        assert trainer.state.epoch == expected


@pytest.mark.parametrize("minutes", [0, -1.0, float("nan")])
def test_no_time_at_all(tmp_path, minutes):
    with pytest.raises(ValueError, match="max_minutes: expected a positive number"):
        TimeBudget(minutes, StepCost(tmp_path))
