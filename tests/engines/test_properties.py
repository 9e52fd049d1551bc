"""What every method has to satisfy as a whole step, plain SGD, on three tasks and two sharing groups."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from fundus_mtl.engines import JointTrainer
from tests.engines.methods import METHODS, SGD, make
from tests.engines.toy import TASKS, Forked, PlainLoss, assert_same, build, samples, weights

ONE_BATCH = {"batch_size": 6, "epochs": 1}
each_method = pytest.mark.parametrize("method", METHODS)


def trained(method, tasks=TASKS, **options):
    """The network's weights after a training on the forked toy."""
    trainer = make(method, Forked(), tasks=tasks, loss_function=PlainLoss(tasks), **options)
    trainer.run()
    return weights(trainer.network)


@each_method
def test_a_task_without_labels_has_no_influence_on_the_others(method):
    before = weights(Forked())
    with_it = trained(method, items=samples(missing={(i, "b") for i in range(6)}))
    without = trained(method, tasks=[task for task in TASKS if task.name != "b"])
    assert_same(with_it, without)
    assert torch.equal(with_it["heads.b.weight"], before["heads.b.weight"])
    assert not torch.equal(with_it["trunk.weight"], before["trunk.weight"])


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"joint-Uncertainty", "mao"}))
def test_one_task_is_plain_sgd(method):
    """Except for methods that are not SGD: learned weights, and MAO, which is AdamW (see its own tests)."""
    oracle = build(JointTrainer, lambda n: SGD(n.parameters()), network=Forked(), loss_function=PlainLoss(TASKS[:1]))
    oracle.run()
    for key, value in trained(method, tasks=TASKS[:1]).items():
        assert_close(value, weights(oracle.network)[key], rtol=1e-12, atol=1e-15)


@each_method
def test_every_reached_weight_moves(method):
    """After an epoch, trunk, decoder and heads have changed."""
    before, after = weights(Forked()), trained(method, **ONE_BATCH)
    for key in before:
        assert not torch.equal(before[key], after[key]), key


@each_method
def test_the_order_of_the_parameters_is_no_matter(method):
    """Groups are found by autograd: the same network registered the other way round trains alike."""

    class Reversed(Forked):
        def __init__(self):
            super().__init__()
            for name in reversed(list(self._modules)):
                self._modules[name] = self._modules.pop(name)

    trainer = make(method, Reversed(), **ONE_BATCH)
    if method == "surgery-GradDrop":
        pytest.skip("draws a number per weight, in the order of the weights")
    trainer.run()
    after = weights(trainer.network)
    for key, value in trained(method, **ONE_BATCH).items():
        assert_close(after[key], value, rtol=1e-9, atol=1e-12)


def without_graph(names):
    """A loss function in which some tasks' losses reach nothing that moves."""
    plain = PlainLoss(TASKS)

    def losses(*args):
        return {n: loss.detach() if n in names else loss for n, loss in plain(*args).items()}

    return losses


def trained_without_graph(method, names, scaled):
    """A trainer after an epoch of such losses, with or without a gradient scaler, and the weights before."""
    trainer = make(method, Forked(), loss_function=without_graph(names), epochs=1)
    if scaled:
        trainer.scaler = torch.amp.GradScaler("cpu")
    before = weights(trainer.network)
    trainer.run()
    return trainer, before


@each_method
@pytest.mark.parametrize("scaled", [False, True])
def test_a_loss_that_reaches_frozen_weights_only_is_skipped(method, scaled):
    trainer, before = trained_without_graph(method, "c", scaled)
    after = weights(trainer.network)
    assert torch.equal(after["heads.c.weight"], before["heads.c.weight"])
    assert not torch.equal(after["trunk.weight"], before["trunk.weight"])
    assert trainer.state.output[0]["loss_c"] > 0


@each_method
@pytest.mark.parametrize("scaled", [False, True])
def test_a_batch_that_reaches_frozen_weights_only_moves_nothing(method, scaled):
    trainer, before = trained_without_graph(method, "abc", scaled)
    assert_same(weights(trainer.network), before)


@each_method
def test_frozen_weights_stay_and_the_rest_trains(method):
    network = Forked()
    network.decoder.requires_grad_(False)
    trainer = make(method, network, epochs=1)
    before = weights(network)
    trainer.run()
    assert torch.equal(network.decoder.weight, before["decoder.weight"])
    assert not torch.equal(network.trunk.weight, before["trunk.weight"])


@each_method
def test_a_loss_that_is_no_number_stops_and_names_its_task(method):
    plain = PlainLoss(TASKS)
    broken = lambda *a: {n: v * (float("nan") if n == "b" else 1) for n, v in plain(*a).items()}  # noqa: E731
    trainer = make(method, Forked(), loss_function=broken)
    with pytest.raises(FloatingPointError, match="but got others from b at iteration 1; lower the learning rate"):
        trainer.run()
    assert all(value.isfinite().all() for value in weights(trainer.network).values())


def test_a_state_of_another_method_raises_and_one_without_a_name_is_not():
    states = {method: make(method, Forked()).state_dict() for method in METHODS}
    for method in METHODS:
        for other, state in states.items():
            fresh = make(method, Forked())
            if other == method:
                fresh.load_state_dict(state)
            else:
                with pytest.raises(ValueError, match="resume: expected the state of .*, but got that of"):
                    fresh.load_state_dict(state)
        make(method, Forked()).load_state_dict({k: v for k, v in states[method].items() if k != "method"})
