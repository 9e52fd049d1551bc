from __future__ import annotations

import copy
from functools import partial

import pytest
import torch
from torch.testing import assert_close

from fundus_mtl.aggregation import MGDA, GradDrop, PCGrad, Sum
from fundus_mtl.engines import JointTrainer, SurgeryTrainer
from tests.engines.methods import RAW_HEADS, make
from tests.engines.toy import (
    NAMES,
    Branches,
    Forked,
    assert_same,
    build,
    gradients_by_hand,
    overflowing,
    samples,
    weights,
)

SGD = partial(torch.optim.SGD, lr=0.1)
ONE_BATCH = {"batch_size": 6, "epochs": 1}


def sgd(network):
    return SGD(network.parameters())


def surgery(aggregator, network=None, **options):
    return build(SurgeryTrainer, sgd, network=network or Forked(), aggregator=aggregator, **options)


def joint(network=None, **options):
    return build(JointTrainer, sgd, network=network or Forked(), **options)


def step_of(trainer):
    """What one step of SGD at rate 0.1 took away, per parameter."""
    before = weights(trainer.network)
    trainer.run()
    return {key: (before[key] - value) / 0.1 for key, value in weights(trainer.network).items()}


def test_surgery_by_the_sum_is_joint():
    one, other = surgery(Sum(), epochs=3), joint(epochs=3)
    one.run()
    other.run()
    for key, value in weights(one.network).items():
        assert_close(value, weights(other.network)[key], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("rule", [PCGrad(), MGDA(), GradDrop()], ids=lambda rule: type(rule).__name__)
def test_each_group_is_combined_by_its_own_rows(rule):
    """The trunk from three rows, the decoder from two, heads raw: from gradients taken task by task."""
    rows = gradients_by_hand(samples())
    taken = step_of(surgery(rule, **ONE_BATCH))
    for layer, tasks in {"trunk": "abc", "decoder": "ab"}.items():
        keys = [f"{layer}.weight", f"{layer}.bias"]
        matrix = torch.stack([torch.cat([rows[t][k].flatten() for k in keys]) for t in tasks])
        expected = copy.deepcopy(rule)(matrix)
        assert_close(torch.cat([taken[k].flatten() for k in keys]), expected, rtol=1e-9, atol=1e-12)
    for name in NAMES:
        for key in (f"heads.{name}.weight", f"heads.{name}.bias"):
            assert_close(taken[key], rows[name][key], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", RAW_HEADS)
def test_heads_receive_exactly_what_joint_gives_them(method):
    taken, expected = step_of(make(method, Forked(), **ONE_BATCH)), step_of(joint(**ONE_BATCH))
    for key in (key for key in expected if key.startswith("heads")):
        assert_close(taken[key], expected[key], rtol=1e-12, atol=1e-14)


def test_gram_rules_and_matrix_rules_agree():
    """The same rule with and without ``weights`` gives the same result."""
    rule = PCGrad(seed=3)

    class Hidden:
        def __call__(self, matrix):
            return rule(matrix)

        def __deepcopy__(self, memo):
            return copied(rule)

    class copied:  # noqa: N801
        def __init__(self, inner):
            self.inner = copy.deepcopy(inner)

        def __call__(self, matrix):
            return self.inner(matrix)

    one, other = surgery(PCGrad(seed=3), epochs=3), surgery(Hidden(), epochs=3)
    one.run()
    other.run()
    for key, value in weights(one.network).items():
        assert_close(value, weights(other.network)[key], rtol=1e-10, atol=1e-12)


def test_accumulated_gradients_are_combined_once():
    """Three batches of two, accumulated, are the batch of six: the rule sees the mean of each task's gradients."""
    whole, parts = surgery(MGDA(), **ONE_BATCH), surgery(MGDA(), batch_size=2, epochs=1, accumulation_steps=3)
    expected, taken = step_of(whole), step_of(parts)
    for key, value in expected.items():
        assert_close(taken[key], value, rtol=1e-9, atol=1e-12)
    apart = step_of(surgery(MGDA(), batch_size=2, epochs=1))
    assert not torch.allclose(apart["trunk.weight"], expected["trunk.weight"])


def test_what_is_left_at_the_end_of_an_epoch_is_stepped():
    trainer = surgery(PCGrad(), batch_size=2, epochs=1, accumulation_steps=2)
    steps = []
    trainer.optimizer.register_step_post_hook(lambda *_: steps.append(1))
    trainer.run()
    assert len(steps) == 2


def test_a_batch_without_labels_is_skipped():
    trainer = surgery(PCGrad(), items=samples(3, missing={(i, n) for i in range(3) for n in NAMES}))
    before = weights(trainer.network)
    trainer.run()
    assert_same(weights(trainer.network), before)


def test_each_group_has_its_own_random_state_and_all_are_saved():
    trainer = surgery(GradDrop(seed=1), epochs=2)
    trainer.run()
    saved = {tuple(entry["tasks"]): entry["state"] for entry in trainer.state_dict()["method"]["rules"]}
    assert set(saved) == {("a", "b", "c"), ("a", "b")}
    assert all(trainer._rules[group] is not trainer.aggregator for group in saved)


def test_broken_gradients_name_their_task():
    trainer = surgery(PCGrad(), loss_function=overflowing())
    with pytest.raises(FloatingPointError, match="but got others from b at iteration 1; lower"):
        trainer.run()


def test_an_overflow_skips_the_whole_iteration():
    """Under mixed precision: weights, the rule's random state and the optimizer stay, and the scaler's factor falls."""
    trainer = surgery(GradDrop(), loss_function=overflowing(), amp="float16", **ONE_BATCH)
    before, factor = weights(trainer.network), trainer.scaler.get_scale()
    trainer.run()
    assert_same(weights(trainer.network), before)
    assert trainer.scaler.get_scale() == factor / 2
    assert trainer.state_dict()["method"]["rules"] == []  # no rule was called, so none has drawn random numbers


def test_contributions_are_the_weights_of_the_rule_and_move_nothing():
    trainer = surgery(PCGrad(), **ONE_BATCH)
    rows = gradients_by_hand(samples())
    names = [key for key, _ in trainer.network.named_parameters()]
    gradients = {task: [row.get(key) for key in names] for task, row in rows.items()}
    before = copy.deepcopy(trainer.state_dict()["method"])
    parts = trainer.contributions(gradients)
    assert trainer.state_dict()["method"] == before
    taken = step_of(trainer)
    for index, key in enumerate(names):
        total = sum(entries[index] for entries in parts.values() if entries[index] is not None)
        assert_close(taken[key], total, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("epochs", [0, 2])
def test_asking_for_contributions_draws_nothing(epochs):
    """Neither the original rule nor a group's copy draws random numbers."""
    trainer = surgery(PCGrad())
    if epochs:
        trainer.run()
    gradients = {task: [torch.randn(4) for _ in trainer.network.parameters()] for task in NAMES}
    rules = [trainer.aggregator, *trainer._rules.values()]
    before = [copy.deepcopy(rule.state_dict()) for rule in rules]
    trainer.contributions(gradients)
    for rule, state in zip(rules, before, strict=True):
        assert rule.state_dict().keys() == state.keys()
        after = rule.state_dict()
        assert all(after[key] is state[key] or torch.equal(after[key], state[key]) for key in state if key != "device")


def test_branches_share_one_group():
    trainer = surgery(PCGrad(), network=Branches(), **ONE_BATCH)
    trainer.run()
    assert list(trainer._rules) == [NAMES]
