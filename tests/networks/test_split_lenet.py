from __future__ import annotations

import copy
import itertools

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.testing import assert_close

from fundus_mtl.networks import LeNet, SplitLeNet
from fundus_mtl.networks._owned_layer import OwnedLayer, equal_shares
from fundus_mtl.tasks import Task
from tests.networks.toy import count, gradients, joined

NAMES = ("even", "odd", "prime", "square")
DIGITS = [
    Task(name, channels, "classification", None, "softmax") for name, channels in zip(NAMES, (5, 5, 2, 3), strict=True)
]
owners = pytest.mark.parametrize("tasks", [DIGITS[:k] for k in (1, 2, 3, 4)], ids=len)


def test_shares_worked_by_hand():
    assert equal_shares(64, 3) == [22, 21, 21]
    assert equal_shares(50, 4) == [13, 13, 12, 12]
    assert equal_shares(8, 2) == [4, 4]
    assert equal_shares(5, 1) == [5]


def test_shares_are_equal_and_complete():
    """For all numbers of channels and owners up to 1000 and 20."""
    for channels, owners in itertools.product(range(1, 1001), range(1, 21)):
        if channels < owners:
            continue
        shares = equal_shares(channels, owners)
        assert len(shares) == owners
        assert sum(shares) == channels
        assert max(shares) - min(shares) <= 1
        assert shares == sorted(shares, reverse=True)


def test_fewer_channels_than_owners_raise():
    for owners in range(1, 21):
        for channels in range(1, owners):
            message = f"a channel for each of {owners} tasks, but got {channels}; use a wider network"
            with pytest.raises(ValueError, match=message):
                equal_shares(channels, owners)


def test_an_owned_layer_worked_by_hand():
    """Both shares read both inputs; the first owns the first two of three outputs."""
    layer = OwnedLayer(lambda share: nn.Linear(2, share, bias=False), 3, 2)
    with torch.no_grad():
        layer.shares[0].weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
        layer.shares[1].weight.copy_(torch.tensor([[5.0, 6.0]]))
    assert_close(layer(torch.tensor([[1.0, 10.0]])), torch.tensor([[21.0, 43.0, 65.0]]))


@owners
def test_as_many_parameters_as_the_plain_network(tasks):
    """ "Params 1" of Table 1."""
    assert count(SplitLeNet(tasks).parameters()) == count(LeNet(tasks).parameters())


@owners
def test_the_function_is_the_plain_networks(tasks):
    split, plain = SplitLeNet(tasks).double(), LeNet(tasks).double()
    plain.load_state_dict(joined(split.state_dict()))
    image = torch.rand(4, 1, 28, 28, dtype=torch.float64)
    answers, expected = split(image), plain(image)
    assert_close(answers, expected)
    for logits in (answers, expected):
        sum(task.channels * logits[task.name].square().sum() for task in tasks).backward()
    assert_close(joined(gradients(split)), gradients(plain))


@owners
def test_every_parameter_has_one_owner(tasks):
    network = SplitLeNet(tasks)
    owned = [p for task in tasks for part in network.task_parameters(task.name) for p in part]
    assert len(owned) == len({id(p) for p in owned})
    assert {id(p) for p in owned} == {id(p) for p in network.parameters()}
    again = [p for task in tasks for part in network.task_parameters(task.name) for p in part]
    assert all(a is b for a, b in zip(owned, again, strict=True))


def test_what_belongs_to_a_task():
    """Theta: its share of both convolutions and of the hidden units, each with its bias. Phi: its linear layer."""
    network = SplitLeNet(DIGITS[:3])
    theta, phi = network.task_parameters("odd")
    assert [tuple(p.shape) for p in theta] == [(3, 1, 5, 5), (3,), (7, 10, 5, 5), (7,), (17, 320), (17,)]
    assert phi == [network.heads["odd"].weight, network.heads["odd"].bias]
    assert [len(p) for p in network.task_parameters("even")[0]] == [4, 4, 7, 7, 17, 17]
    assert [len(p) for p in network.task_parameters("prime")[0]] == [3, 3, 6, 6, 16, 16]


def test_every_share_feeds_every_task():
    network = SplitLeNet(DIGITS[:3])
    network(torch.rand(8, 1, 28, 28), tasks=("odd",))["odd"].square().sum().backward()
    for name in NAMES[:3]:
        theta, phi = network.task_parameters(name)
        assert all(p.grad is not None and p.grad.any() for p in theta)
        assert all((p.grad is not None) == (name == "odd") for p in phi)


def test_noise_in_place_is_noise_by_substitution():
    """No weight is used through a copy that outlives a forward."""
    network = SplitLeNet(DIGITS[:3])
    image = torch.rand(2, 1, 28, 28)
    theirs = {id(p) for name in ("even", "prime") for p in network.task_parameters(name)[0]}
    noisy = {n: p.detach() + torch.rand_like(p) / 10 for n, p in network.named_parameters() if id(p) in theirs}
    substituted = functional_call(network, noisy, (image, ("odd",)))
    before = network(image)["odd"]
    with torch.no_grad():
        for name, value in noisy.items():
            network.get_parameter(name).copy_(value)
    assert_close(network(image, ("odd",)), substituted)
    assert not torch.allclose(before, substituted["odd"])


def test_copies_own_their_parameters():
    network = SplitLeNet(DIGITS[:3])
    twin = copy.deepcopy(network)
    mine, other = ({id(p) for p in n.task_parameters("odd")[0]} for n in (network, twin))
    assert not mine & other
    assert other <= {id(p) for p in twin.parameters()}


def test_wrong_use_raises():
    with pytest.raises(KeyError, match="SplitLeNet: expected tasks among \\['even', 'odd'\\], but got \\['cup'\\]"):
        SplitLeNet(DIGITS[:2]).task_parameters("cup")
    with pytest.raises(ValueError, match="a channel for each of 3 tasks, but got 2; use a wider network"):
        SplitLeNet(DIGITS[:3], channels=(2, 20))
