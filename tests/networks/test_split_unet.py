from __future__ import annotations

import copy

import pytest
import torch
from torch.testing import assert_close

from fundus_mtl.networks import SplitUNet, UNet
from tests.networks.toy import GLAUCOMA, SMALL, TASKS, count, gradients, joined, owners


def reached(network, name):
    """Which of a task's theta and phi a backward has reached, all of them or none."""
    found = [{p.grad is not None for p in part} for part in network.task_parameters(name)]
    assert all(len(part) == 1 for part in found)
    return tuple(part.pop() for part in found)


@owners
@pytest.mark.parametrize("norm", ["running", "batch", "instance"])
def test_as_many_parameters_as_the_plain_network(tasks, norm):
    """ "Params 1" of the tables, at a width that no 3 divides, and over other inputs."""
    arguments = {"width": 16, "depth": 3, "in_channels": 1, "norm": norm}
    with torch.device("meta"):
        assert count(SplitUNet(tasks, **arguments).parameters()) == count(UNet(tasks, **arguments).parameters())


@owners
@pytest.mark.parametrize("norm", ["running", "batch", "instance"])
def test_the_function_is_the_plain_networks(tasks, norm):
    """Outputs, gradients and running statistics, in training and at test."""
    split, plain = (network_class(tasks, norm=norm, **SMALL).double() for network_class in (SplitUNet, UNet))
    plain.load_state_dict(joined(split.state_dict()))
    image = torch.rand(3, 3, 16, 24, dtype=torch.float64)
    answers, expected = split(image), plain(image)
    assert_close(answers, expected)
    for logits in (answers, expected):
        sum((i + 1) * logits[task.name].square().sum() for i, task in enumerate(tasks)).backward()
    assert_close(joined(gradients(split)), gradients(plain))
    assert_close(joined(split.state_dict()), dict(plain.state_dict()))
    assert_close(split.eval()(image), plain.eval()(image))


@owners
def test_every_parameter_has_one_owner(tasks):
    network = SplitUNet(tasks, **SMALL)
    shares = [network.task_parameters(task.name) for task in tasks]
    owned = [p for share in shares for part in share for p in part]
    assert len(owned) == len({id(p) for p in owned})
    assert {id(p) for p in owned} == {id(p) for p in network.parameters()}
    assert {id(p) for theta, _ in shares for p in theta} == {id(p) for p in network.encoder.parameters()}
    again = [p for task in tasks for part in network.task_parameters(task.name) for p in part]
    assert all(a is b for a, b in zip(owned, again, strict=True))


def test_what_belongs_to_a_task():
    """Of 16 and 32 channels the second of three tasks owns 5 and 11; convolution, bias, and two of batch norm each."""
    theta, phi = SplitUNet(TASKS[:3], width=16, depth=1).task_parameters("glaucoma")
    assert [tuple(p.shape) for p in theta[::4]] == [(5, 3, 3, 3), (5, 16, 3, 3), (11, 16, 3, 3), (11, 32, 3, 3)]
    assert all(tuple(p.shape) == (5,) for p in theta[1:4])
    assert [tuple(p.shape) for p in phi] == [(16, 34, 3, 3), (16,), (16,), (16,), (1, 16), (1,)]


def test_a_classifier_of_the_bottom_needs_no_decoder():
    network = SplitUNet(TASKS, **SMALL, classifier_inputs=[])
    network.heads["segmentation"].register_forward_hook(lambda *_: pytest.fail("a decoder ran"))
    assert network(torch.rand(2, 3, 16, 16), tasks=("glaucoma",))["glaucoma"].shape == (2, 1)
    assert network.heads["glaucoma"][0][0].in_channels == 16


@pytest.mark.parametrize("detach", [False, True])
def test_who_is_reached_by_whom(detach):
    """All theta are; of the others' phi only that of the segmentations which the classifier reads, unless detached."""
    for running in TASKS:
        network = SplitUNet(TASKS, **SMALL, detach_classifier_inputs=detach)
        network(torch.rand(2, 3, 16, 24), tasks=(running.name,))[running.name].square().sum().backward()
        for task in TASKS:
            read = running is GLAUCOMA and task.kind == "segmentation" and not detach
            assert reached(network, task.name) == (True, task is running or read)


def test_the_seed_decides_the_weights_and_sharing_not_their_spread():
    """Kaiming uniform: sqrt(6 / inputs) bounds a share's weights as it bounds the whole layer's."""

    def made(network_class):
        torch.manual_seed(0)
        return network_class(TASKS[:3], width=12, depth=1)

    first, again = made(SplitUNet).state_dict(), made(SplitUNet).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    for network in (made(SplitUNet), made(UNet)):
        for share in network.encoder[1][2].shares:
            bound = (6 / (24 * 9)) ** 0.5
            assert 0.9 * bound < share[0].weight.abs().max() <= bound
            assert not share[0].bias.any()


def test_copies_and_files_answer_the_same(tmp_path):
    network, other = SplitUNet(TASKS, **SMALL), SplitUNet(TASKS, **SMALL)
    image = torch.rand(2, 3, 16, 16)
    network(image)
    torch.save(network.state_dict(), tmp_path / "unet.pt")
    other.load_state_dict(torch.load(tmp_path / "unet.pt", weights_only=True))
    expected = network.eval()(image)
    for twin in (other, copy.deepcopy(network)):
        assert_close(twin.eval()(image), expected, rtol=0, atol=0)
        assert not {id(p) for p in twin.task_parameters("fovea")[0]} & {id(p) for p in network.parameters()}


def test_wrong_use_of_shares_raises():
    with pytest.raises(KeyError, match="SplitUNet: expected tasks among .*, but got \\['cup'\\]"):
        SplitUNet(TASKS, **SMALL).task_parameters("cup")
    with pytest.raises(ValueError, match="a channel for each of 4 tasks, but got 3; use a wider network"):
        SplitUNet(TASKS, width=3)


@pytest.mark.parametrize("norm, in_training, at_test", [("running", 0, 1), ("batch", 0, 0), ("instance", 1, 1)])
def test_whether_an_answer_depends_on_its_batch(norm, in_training, at_test):
    """Batch norm by running averages keeps batches apart at test, instance norm always; all have learned scales."""
    network = SplitUNet(TASKS, **SMALL, norm=norm)
    images = torch.rand(3, 3, 16, 24)
    for mode, independent in ((True, in_training), (False, at_test)):
        network.train(mode)
        together, alone = network(images)["fovea"][:1], network(images[:1])["fovea"]
        assert torch.allclose(together, alone, atol=1e-4) == bool(independent)
    assert any("running_mean" in name for name in network.state_dict()) == (norm == "running")
    assert len(network.task_parameters("fovea")[0]) == 3 * 2 * 4
