from __future__ import annotations

from functools import partial

import pytest
import torch
from torch.testing import assert_close

from fundus_mtl.engines import IndependentTrainer, JointTrainer
from fundus_mtl.optim import OptimizerGroup
from tests.engines.toy import NAMES, TASKS, Branches, PlainLoss, assert_same, build, samples, weights

SGD = partial(torch.optim.SGD, lr=0.1)


def group(network, optimizer=SGD, tasks=TASKS):
    return OptimizerGroup.per_task(tasks, network.parameters(), optimizer)


def by_torch(order, optimizer, items, epochs=2, batch_size=3):
    """Eq. 3 written with torch.optim alone: per task a fresh forward, then its own optimizer's step."""
    network = Branches()
    optimizers = {name: optimizer(network.parameters()) for name in order}
    for _ in range(epochs):
        for start in range(0, len(items), batch_size):
            batch = items[start : start + batch_size]
            x = torch.stack([s["image"] for s in batch])
            for name in order:
                optimizers[name].zero_grad(set_to_none=True)
                out = network.heads[name](network.shared(x).tanh())
                torch.nn.functional.mse_loss(out, torch.stack([s[name] for s in batch])).backward()
                optimizers[name].step()
    return network


@pytest.mark.parametrize("optimizer", [SGD, partial(torch.optim.Adam, lr=1e-2)], ids=["sgd", "adam"])
def test_it_is_torch_optim_task_by_task(optimizer):
    trainer = build(IndependentTrainer, partial(group, optimizer=optimizer))
    trainer.run()
    assert_same(weights(trainer.network), weights(by_torch(NAMES, optimizer, samples())))


def test_the_order_of_the_optimizers_is_the_order_of_the_tasks():
    backwards = tuple(reversed(TASKS))
    trainer = build(IndependentTrainer, partial(group, tasks=backwards))
    trainer.run()
    assert_same(weights(trainer.network), weights(by_torch(NAMES[::-1], SGD, samples())))
    forwards = by_torch(NAMES, SGD, samples())
    assert not torch.equal(trainer.network.shared.weight, forwards.shared.weight)


def test_sequential_differs_from_one_simultaneous_step():
    one, other = build(IndependentTrainer, group), build(JointTrainer, lambda n: SGD(n.parameters()))
    one.run()
    other.run()
    assert not torch.allclose(one.network.shared.weight, other.network.shared.weight)


def test_one_task_is_its_plain_optimizer():
    tasks = TASKS[:1]
    options = {"loss_function": PlainLoss(tasks)}
    one = build(IndependentTrainer, partial(group, tasks=tasks), **options)
    other = build(JointTrainer, lambda n: SGD(n.parameters()), **options)
    one.run()
    other.run()
    assert_same(weights(one.network), weights(other.network))


def test_only_the_needed_heads_run():
    trainer = build(IndependentTrainer, group, batch_size=6, epochs=1)
    trainer.run()
    assert trainer.network.ran == list(NAMES)


def test_a_task_without_label_is_skipped_and_its_optimizer_unchanged():
    items = samples(3, missing={(i, "b") for i in range(3)})
    trainer = build(IndependentTrainer, partial(group, optimizer=partial(torch.optim.Adam, lr=1e-2)), items=items)
    before = weights(trainer.network)
    trainer.run()
    assert torch.equal(trainer.network.heads["b"].weight, before["heads.b.weight"])
    assert not trainer.optimizer["b"].state
    assert "b" not in trainer.network.ran


def test_foreign_heads_neither_move_nor_decay():
    """Decoupled weight decay acts only where a gradient is: each head decays by its own optimizer alone, once."""
    decay = partial(torch.optim.AdamW, lr=0.0, weight_decay=0.5)  # a zero rate: only the rate-scaled decay could act
    trainer = build(IndependentTrainer, partial(group, optimizer=decay))
    before = weights(trainer.network)
    trainer.run()
    assert_same(weights(trainer.network), before)
    heavy = build(
        IndependentTrainer,
        partial(group, optimizer=partial(torch.optim.SGD, lr=0.1, weight_decay=0.5)),
        batch_size=6,
        epochs=1,
    )
    heavy.loss_function = lambda logits, labels, presence: {n: logits[n].sum() * 0 for n in logits}
    heavy.run()
    assert_close(heavy.network.heads["a"].weight, before["heads.a.weight"] * 0.95)
    assert_close(heavy.network.shared.weight, before["shared.weight"] * 0.95**3)


def test_a_plain_optimizer_raises():
    with pytest.raises(TypeError, match="expected an OptimizerGroup, but got SGD"):
        build(IndependentTrainer, lambda n: SGD(n.parameters()))


def test_accumulation_raises():
    with pytest.raises(ValueError, match="expected 1 for IndependentTrainer, but got 2"):
        build(IndependentTrainer, group, accumulation_steps=2)
