"""MTI-Net over the U-Net: its formulas by hand and written again; tests/networks/test_architectures.py has the rest."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from fundus_mtl.networks import MTIUNet, SplitMTIUNet, UNet
from tests.networks.toy import TASKS, count

NAMES = [task.name for task in TASKS]
TINY = {"width": 4, "depth": 2, "norm": "instance", "classifier_inputs": []}


@pytest.fixture
def network():
    torch.manual_seed(0)
    return MTIUNet(TASKS, **TINY).double()


def features_of(height=8, width=12, channels=16):
    generator = torch.Generator().manual_seed(1)
    return {n: torch.randn(2, channels, height, width, generator=generator, dtype=torch.float64) for n in NAMES}


def test_distillation_is_the_sum_over_the_other_tasks(network):
    """Oracle: the formula with the weights taken out."""
    features = features_of()
    exchange = network.distillation[0]
    found = exchange(features, NAMES)
    for name in NAMES:
        expected = features[name].clone()
        for other in NAMES:
            if other != name:
                a, b = (getattr(exchange[name], part)[other].weight for part in ("attention", "value"))
                expected += F.conv2d(features[other], a, padding=1).sigmoid() * F.conv2d(features[other], b, padding=1)
        assert_close(found[name], expected)


def test_half_of_the_others_by_hand(network):
    """Attention without weights is one half, a value that copies its centre is the feature: own plus half of each other."""
    exchange = network.distillation[0]
    with torch.no_grad():
        for unit in exchange.values():
            for attention, value in zip(unit.attention.values(), unit.value.values(), strict=True):
                attention.weight.zero_()
                value.weight.copy_(F.pad(torch.eye(16)[:, :, None, None], (1, 1, 1, 1)))
    features = {name: torch.full((1, 16, 3, 5), float(k), dtype=torch.float64) for k, name in enumerate(NAMES)}
    with torch.no_grad():
        found = exchange(features, NAMES)
    assert [float(found[name][0, 0, 1, 2]) for name in NAMES] == [0 + 6 / 2, 1 + 5 / 2, 2 + 4 / 2, 3 + 3 / 2]


def test_propagation_adds_a_gated_mean_by_hand(network):
    """With equal logits the shared part is the mean over the tasks, and without weights a gate is one half."""
    share = network.propagation[0]
    for parameter in share.parameters():
        torch.nn.init.zeros_(parameter)
    features = {name: torch.full((1, 16, 3, 5), float(k), dtype=torch.float64) for k, name in enumerate(NAMES)}
    with torch.no_grad():
        found = share(features)
    assert [float(found[name].mean()) for name in NAMES] == [k + 1.5 / 2 for k in range(4)]


def test_masks_add_up_to_one(network):
    """A property: with gates at one, equal features pass twice themselves whatever the logits."""
    share = network.propagation[0]
    for unit in share.values():
        unit.gate = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Hardsigmoid())
    same = features_of()["fovea"].abs() + 10  # the gate of a mean above 3 is one
    for passed in share(dict.fromkeys(NAMES, same)).values():
        assert_close(passed, 2 * same)


def test_every_task_hears_every_other_at_the_bottom(network):
    """The gradient of one task reaches the refinement of all tasks, but no head and no distillation of another."""
    network(torch.rand(2, 3, 16, 8, dtype=torch.float64), tasks=("glaucoma",))["glaucoma"].square().sum().backward()
    reached = {name for name, p in network.named_parameters() if p.grad is not None and bool(p.grad.abs().sum() > 0)}
    assert all(any(n.startswith(f"refinement.0.{task}.") for n in reached) for task in NAMES)
    assert {n.split(".")[2] for n in reached if n.startswith("distillation")} == {"glaucoma"}
    assert not any(n.startswith(("refinement.1", "refinement.2", "propagation")) for n in reached)


def test_one_task_takes_nothing(network):
    alone = MTIUNet(TASKS[:1], **TINY)
    assert count(alone.distillation.parameters()) == 0
    assert alone(torch.rand(1, 3, 16, 8))["segmentation"].shape == (1, 2, 16, 8)
    assert len(MTIUNet(TASKS[1:2], **TINY).refinement) == 1
    assert count(UNet(TASKS, **TINY).parameters()) < count(network.parameters())


def test_the_shares_of_the_split_version():
    network = SplitMTIUNet(TASKS, **TINY)
    names = {id(p): name for name, p in network.named_parameters()}
    for task in TASKS:
        theta, phi = network.task_parameters(task.name)
        assert all(names[id(p)].startswith("encoder.") for p in theta)
        parts = {names[id(p)].split(".")[0] for p in phi}
        assert parts == {"refinement", "propagation", "distillation", "heads"}
        assert all(task.name in names[id(p)].split(".")[1:3] for p in phi)
