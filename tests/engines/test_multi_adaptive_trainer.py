from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from fundus_mtl.engines import JointTrainer, MultiAdaptiveTrainer
from fundus_mtl.optim import MAO
from tests.engines.toy import (
    NAMES,
    TASKS,
    Forked,
    PlainLoss,
    assert_same,
    build,
    gradients_by_hand,
    overflowing,
    samples,
    weights,
)

ONE_BATCH = {"batch_size": 6, "epochs": 1}


def mao(network, **options):
    return MAO(network.parameters(), lr=0.1, **options)


def adaptive(network=None, optimizer=mao, **options):
    return build(MultiAdaptiveTrainer, optimizer, network=network or Forked(), **options)


def test_the_first_step_is_the_sign_of_each_task():
    """With bias correction the first step of each task is lr·g/(|g| + eps): tasks of any scale move a weight alike."""
    rows = gradients_by_hand(samples())
    trainer = adaptive(**ONE_BATCH)
    before = weights(trainer.network)
    trainer.run()
    for key, value in weights(trainer.network).items():
        expected = sum(row[key] / (row[key].abs() + 1e-8) for row in rows.values() if key in row)
        assert_close((before[key] - value) / 0.1, expected, rtol=1e-9, atol=1e-9)


def test_one_task_is_adamw():
    only = {"loss_function": PlainLoss(TASKS[:1]), "epochs": 3}
    one = adaptive(optimizer=lambda n: mao(n, weight_decay=0.1), **only)
    other = build(
        JointTrainer, lambda n: torch.optim.AdamW(n.parameters(), lr=0.1, weight_decay=0.1), network=Forked(), **only
    )
    one.run()
    other.run()
    assert_same(weights(one.network), weights(other.network))


def test_a_task_without_label_does_not_move_its_moments():
    trainer = adaptive(items=samples(missing={(i, "b") for i in range(6)}))
    before = weights(trainer.network)
    trainer.run()
    without = adaptive(loss_function=PlainLoss([t for t in TASKS if t.name != "b"]))
    without.run()
    assert_same(weights(trainer.network), weights(without.network))
    assert torch.equal(trainer.network.heads["b"].weight, before["heads.b.weight"])


def test_streaming_keeps_no_gradients():
    trainer = adaptive(**ONE_BATCH)
    trainer.run()
    assert all(p.grad is None for p in trainer.network.parameters())
    assert not trainer._gathered


def test_gathering_equals_streaming():
    """With a scaler the gradients are gathered and unscaled; its factor is a power of two, so that nothing is rounded."""
    plain, gathered = adaptive(epochs=3), adaptive(epochs=3)
    gathered.scaler = torch.amp.GradScaler("cpu")
    plain.run()
    gathered.run()
    assert_same(weights(plain.network), weights(gathered.network))


def test_accumulated_gradients_step_once():
    whole, parts = adaptive(**ONE_BATCH), adaptive(batch_size=2, epochs=1, accumulation_steps=3)
    whole.run()
    parts.run()
    for key, value in weights(whole.network).items():
        assert_close(weights(parts.network)[key], value, rtol=1e-9, atol=1e-12)


def test_an_overflow_skips_the_whole_iteration():
    trainer = adaptive(loss_function=overflowing(("c",)), amp="float16", **ONE_BATCH)
    before, factor = weights(trainer.network), trainer.scaler.get_scale()
    state = trainer.optimizer.state_dict()
    trainer.run()
    assert_same(weights(trainer.network), before)
    assert trainer.scaler.get_scale() == factor / 2
    assert trainer.optimizer.state_dict() == state


@pytest.mark.parametrize("steps", [1, 2])
def test_broken_gradients_name_their_tasks(steps):
    trainer = adaptive(loss_function=overflowing(("a", "c")), accumulation_steps=steps)
    with pytest.raises(FloatingPointError, match="but got others from a, c at iteration"):
        trainer.run()


def test_a_plain_optimizer_raises():
    with pytest.raises(TypeError, match="but got SGD; use fundus_mtl.optim.MAO"):
        adaptive(optimizer=lambda n: torch.optim.SGD(n.parameters(), lr=0.1))


def test_a_batch_without_labels_is_skipped():
    trainer = adaptive(items=samples(3, missing={(i, n) for i in range(3) for n in NAMES}))
    before = weights(trainer.network)
    trainer.run()
    assert_same(weights(trainer.network), before)


def test_the_optimizers_own_order_of_parameters_is_kept():
    backwards = adaptive(optimizer=lambda n: MAO(list(n.parameters())[::-1], lr=0.1))
    straight = adaptive()
    backwards.run()
    straight.run()
    assert_same(weights(backwards.network), weights(straight.network))
