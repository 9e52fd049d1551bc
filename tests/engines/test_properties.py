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
def test_a_task_without_labels_leaves_the_rest_as_if_it_were_not_there(method):
    before = weights(Forked())
    with_it = trained(method, items=samples(missing={(i, "b") for i in range(6)}))
    without = trained(method, tasks=[task for task in TASKS if task.name != "b"])
    assert_same(with_it, without)
    assert torch.equal(with_it["heads.b.weight"], before["heads.b.weight"])
    assert not torch.equal(with_it["trunk.weight"], before["trunk.weight"])


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"joint-Uncertainty", "mao"}))
def test_one_task_is_plain_sgd(method):
    """But for what is no SGD even then: a learned weight, and MAO, which is AdamW (see its own tests)."""
    oracle = build(JointTrainer, lambda n: SGD(n.parameters()), network=Forked(), loss_function=PlainLoss(TASKS[:1]))
    oracle.run()
    for key, value in trained(method, tasks=TASKS[:1]).items():
        assert_close(value, weights(oracle.network)[key], rtol=1e-12, atol=1e-15)


@each_method
def test_every_reached_weight_moves(method):
    """No silent standstill: after an epoch, trunk, decoder and heads are elsewhere."""
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
