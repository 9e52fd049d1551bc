"""GradDrop of activations: by hand, by its properties, and against the algorithm written for one network."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from fundus_mtl.aggregation import GradDrop
from fundus_mtl.engines import ActivationTrainer, JointTrainer
from tests.engines.toy import NAMES, TASKS, Branches, Forked, PlainLoss, build, samples, weights

SGD = partial(torch.optim.SGD, lr=0.1)
ONE_BATCH = {"batch_size": 6, "epochs": 1}


def activations(network, cut, leak=None, **options):
    return build(
        ActivationTrainer, lambda n: SGD(n.parameters()), network=network, aggregator=GradDrop(leak, seed=4), cut=cut,
        **options,
    )  # fmt: skip


def joint(network, **options):
    return build(JointTrainer, lambda n: SGD(n.parameters()), network=network, **options)


def step_of(trainer):
    """What one step of SGD at rate 0.1 took away, per parameter."""
    before = weights(trainer.network)
    trainer.run()
    return {key: (before[key] - value) / 0.1 for key, value in weights(trainer.network).items()}


def test_factors_by_hand(monkeypatch):
    """Purities 3/4, 1/4, 1, 0 and, without gradient, 1/2; every draw is 0.5. A zero is kept."""
    monkeypatch.setattr(torch, "rand", lambda shape, **options: torch.full(shape, 0.5, dtype=options["dtype"]))
    rows = torch.tensor([[3.0, 1.0, 2.0, -1.0, 0.0], [-1.0, -3.0, 1.0, 0.0, 0.0]], dtype=torch.float64)
    kept = torch.tensor([[1.0, 0.0, 1.0, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0, 1.0]], dtype=torch.float64)
    assert_close(GradDrop().factors(rows), kept)
    assert_close(GradDrop([0.25, 0.5]).factors(rows), torch.tensor([0.25, 0.5])[:, None].double().maximum(kept))


@pytest.mark.parametrize("seed", range(3))
def test_factors_and_the_rule_are_one_algorithm(seed):
    rows = torch.randn(3, 40, generator=torch.Generator().manual_seed(seed + 10), dtype=torch.float64)
    one, other = GradDrop(0.3, seed=seed), GradDrop(0.3, seed=seed)
    assert_close((one.factors(rows) * rows).sum(0), other(rows))


class Two(nn.Module):
    """One hidden unit z = w x, and the answers z and -z."""

    def __init__(self):
        super().__init__()
        self.shared = nn.Linear(4, 1, bias=False, dtype=torch.float64)
        nn.init.ones_(self.shared.weight)

    def forward(self, image, tasks=None):
        z = self.shared(image)
        signs = {"a": 1.0, "b": -1.0, "c": 0.0}
        return {name: signs[name] * z for name in tasks or NAMES}


def linear(logits, labels, presence):
    """Losses 2 z and -z, of the mean over the batch."""
    return {"a": 2 * logits["a"].mean(), "b": logits["b"].mean()}


def test_a_unit_by_hand():
    """Gradients 2/B and -1/B of z for every sample. With z > 0 the signs add up to 2 and -1: purity 2/3."""
    image = [{**item, "image": item["image"].abs()} for item in samples()]
    mean = torch.stack([item["image"] for item in image]).mean(0)
    found = set()
    for seed in range(12):
        trainer = activations(Two(), ["shared"], items=image, loss_function=linear, **ONE_BATCH)
        trainer.aggregator = GradDrop(seed=seed)
        (taken,) = step_of(trainer).values()
        kept = [factor for factor in (2.0, -1.0) if torch.allclose(taken[0], factor * mean)]
        assert len(kept) == 1
        found.add(kept[0])
    assert found == {2.0, -1.0}


def test_signs_are_those_of_activation_times_gradient():
    """Samples with z > 0 and z < 0 of equal number: the signs cancel in each task, nothing is dropped."""
    items = samples(2)
    items[1] = {**items[1], "image": -items[0]["image"]}
    taken = step_of(activations(Two(), ["shared"], items=items, loss_function=linear, batch_size=2, epochs=1))
    expected = step_of(joint(Two(), items=items, loss_function=linear, batch_size=2, epochs=1))
    for key, value in expected.items():
        assert_close(taken[key], value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("missing", [(), {(0, "a"), (3, "b"), (4, "b")}], ids=["all", "some"])
def test_the_algorithm_on_one_network(missing):
    """Oracle: the paper's lines, with the activation as an explicit leaf."""
    items = samples(missing=missing)
    taken = step_of(activations(Branches(), ["shared"], items=items, **ONE_BATCH))
    network = Branches()
    image = torch.stack([item["image"] for item in items])
    z = network.shared(image)
    leaf = z.detach().requires_grad_()
    rows = []
    for name in NAMES:
        there = torch.stack([item[f"{name}_present"] for item in items])
        label = torch.stack([item[name] for item in items])
        loss = nn.functional.mse_loss(network.heads[name](leaf.tanh())[there], label[there])
        rows.append(torch.autograd.grad(loss, leaf, retain_graph=True)[0])
        loss.backward()
    signed = torch.stack([(z.sign() * row).sum(0) for row in rows])
    draw = torch.rand(5, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    purity = 0.5 * (1 + signed.sum(0) / signed.abs().sum(0))
    masks = (purity > draw) * (signed > 0) + (purity < draw) * (signed < 0)
    z.backward(sum(mask * row for mask, row in zip(masks, rows, strict=True)))
    for key, parameter in network.named_parameters():
        assert_close(taken[key], parameter.grad, rtol=1e-9, atol=1e-12)
    assert not masks.all()


@pytest.mark.parametrize("cut", [["trunk"], ["decoder"], ["trunk", "decoder"], ["decoder", "trunk"]], ids=str)
def test_a_full_leak_is_joint_whatever_is_cut(cut):
    taken, expected = step_of(activations(Forked(), cut, leak=1.0, **ONE_BATCH)), step_of(joint(Forked(), **ONE_BATCH))
    for key, value in expected.items():
        assert_close(taken[key], value, rtol=1e-9, atol=1e-12)


def test_cuts_in_sequence_pass_the_combined_gradient_on():
    """Of one task alone nothing is dropped; with all, the decoder's gradient is the masked one and the heads' is raw."""
    both = step_of(activations(Forked(), ["trunk", "decoder"], **ONE_BATCH))
    plain = step_of(joint(Forked(), **ONE_BATCH))
    for name in NAMES:
        assert_close(both[f"heads.{name}.weight"], plain[f"heads.{name}.weight"], rtol=1e-9, atol=1e-12)
    assert not torch.allclose(both["decoder.weight"], plain["decoder.weight"])
    assert not torch.allclose(both["trunk.weight"], plain["trunk.weight"])
    one = [task for task in TASKS if task.name == "a"]
    given = {"loss_function": PlainLoss(one)} | ONE_BATCH
    alone, expected = (
        step_of(activations(Forked(), ["trunk", "decoder"], **given)), step_of(joint(Forked(), **given)),
    )  # fmt: skip
    for key, value in expected.items():
        assert_close(alone[key], value, rtol=1e-9, atol=1e-12)


class Listed(Branches):
    """The shared features as a list, from a list of layers; one layer is never called."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([self.shared])
        self.unused = nn.Linear(1, 1)


def test_containers_stand_for_their_entries_and_wrong_names_raise():
    one, other = (step_of(activations(Listed(), [name], **ONE_BATCH)) for name in ("shared", "layers"))
    for key, value in one.items():
        assert torch.equal(value, other[key])
    with pytest.raises(ValueError, match="cut: expected the name of a module of the network, but got 'bottom'"):
        activations(Listed(), ["bottom"])
    with pytest.raises(ValueError, match="cut: expected modules that the network calls, but got unused"):
        activations(Listed(), ["unused"], **ONE_BATCH).run()
