"""Properties of all architectures over the blocks of the U-Net."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.testing import assert_close

from fundus_mtl.autograd import sharing_groups, task_gradients
from tests.networks.architectures import assert_partial_pass, each_architecture, each_split
from tests.networks.toy import TASKS, owners

TINY = {"width": 4, "depth": 2}
NAMES = [task.name for task in TASKS]


def reached(network, image):
    """Which tasks reach each parameter: {name of the parameter: names of tasks}."""
    losses = {name: logits.square().sum() for name, logits in network(image).items()}
    names, parameters = zip(*network.named_parameters(), strict=True)
    groups = sharing_groups(dict(task_gradients(losses, parameters)))
    return {names[index]: tasks for tasks, indices in groups.items() for index in indices}


@owners
@each_architecture
@pytest.mark.parametrize("size", [(16, 24), (8, 4)])
def test_shapes_of_non_square_images(network_class, tasks, size):
    answers = network_class(tasks, **TINY)(torch.rand(2, 3, *size))
    shapes = {name: tuple(out.shape) for name, out in answers.items()}
    assert shapes == {t.name: (2, t.channels, *size) if t.dense else (2, t.channels) for t in tasks}


@each_architecture
def test_image_level_tasks_alone_have_no_decoder(network_class):
    network = network_class([TASKS[1]], **TINY, in_channels=1)
    assert network(torch.rand(3, 1, 8, 4))["glaucoma"].shape == (3, 1)
    assert not any("decoder" in name for name, _ in network.named_parameters())


@each_architecture
@pytest.mark.parametrize("asked", [("fovea",), ("glaucoma",), ("vessels", "segmentation"), tuple(NAMES)], ids=str)
def test_a_partial_forward_pass_gives_the_same_answers_and_runs_no_other_head(network_class, asked):
    network = network_class(TASKS, **TINY, classifier_inputs=["segmentation"]).eval()
    assert_partial_pass(network, torch.rand(2, 3, 16, 8), asked)


@each_architecture
@pytest.mark.parametrize("norm", ["running", "instance"])
def test_the_sharing_groups_are_complete(network_class, norm):
    """Every weight is reached, the encoder by all tasks, a head by its own task."""
    network = network_class(TASKS, **TINY, classifier_inputs=[], norm=norm)
    found = reached(network, torch.rand(2, 3, 16, 8))
    assert set(found) == {name for name, _ in network.named_parameters()}
    for name, tasks in found.items():
        part, *rest = name.split(".")
        if part == "encoder":
            assert tasks == tuple(NAMES), name
        if part == "heads":
            assert tasks == (rest[0],), name


@each_split
@owners
def test_every_parameter_has_one_owner(network_class, tasks):
    network = network_class(tasks, **TINY)
    shares = [network.task_parameters(task.name) for task in tasks]
    owned = [p for share in shares for part in share for p in part]
    assert len(owned) == len({id(p) for p in owned})
    assert {id(p) for p in owned} == {id(p) for p in network.parameters()}
    theirs = {id(p) for theta, _ in shares for p in theta}
    assert theirs >= {id(p) for p in network.encoder.parameters()}
    assert not theirs & {id(p) for p in network.heads.parameters()}
    with pytest.raises(KeyError, match="expected tasks among"):
        network.task_parameters("nothing")


@each_architecture
def test_mixed_precision_channels_last_and_copies(network_class):
    network = network_class(TASKS, **TINY).to(memory_format=torch.channels_last)
    image = torch.rand(2, 3, 8, 12).to(memory_format=torch.channels_last)
    twin = copy.deepcopy(network)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        answers = network(image)
    sum(out.float().square().sum() for out in answers.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert all(p.grad is None for p in twin.parameters())
    twin.load_state_dict(network.state_dict())
    assert_close(twin.eval()(image), network.eval()(image))


@each_architecture
def test_a_photographs_answer_does_not_depend_on_its_batch(network_class):
    network = network_class(TASKS, **TINY)
    images = torch.rand(3, 3, 8, 12)
    network(images)
    network.eval()
    assert_close({n: out[:1] for n, out in network(images).items()}, network(images[:1]))


@each_architecture
def test_wrong_use_raises(network_class):
    name = network_class.__name__
    network = network_class(TASKS[:2], **TINY)
    with pytest.raises(ValueError, match=f"{name}: expected sides that are multiples of 4 px, but got 30x16"):
        network(torch.rand(1, 3, 30, 16))
    with pytest.raises(KeyError, match=f"{name}: expected tasks among"):
        network(torch.rand(1, 3, 8, 8), tasks=("cup",))
    with pytest.raises(ValueError, match=f"{name}: expected tasks with different names, but got \\[\\]"):
        network_class([])
