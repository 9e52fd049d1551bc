"""Cross-stitch and NDDR: the equations by hand, and starts that equal single-task networks."""

from __future__ import annotations

import pytest
import torch
from torch import nn, tensor
from torch.testing import assert_close

from fundus_mtl.networks import CrossStitchUNet, NDDRUNet, UNet
from fundus_mtl.networks._blocks import batch_norms
from fundus_mtl.networks._cross_stitch_unet import CrossStitchUnit
from fundus_mtl.networks._nddr_unet import NDDRUnit
from tests.networks.toy import SMALL, TASKS, count

PLAIN = {**SMALL, "classifier_inputs": []}
both = pytest.mark.parametrize("network_class", [CrossStitchUNet, NDDRUNet])


def test_a_cross_stitch_by_hand():
    """Equation 1 of the paper per channel, for three tasks: 1*a + 2*b + 3*c, and 10*a + 20*b + 30*c."""
    unit = CrossStitchUnit(2, [0.0] * 3)
    with torch.no_grad():
        unit.weights[:, :, 0, 0] = tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    a, b, c = torch.ones(1, 2, 1, 3), torch.full((1, 2, 1, 3), 5.0), torch.full((1, 2, 1, 3), 7.0)
    assert_close(unit([a, b, c]), tensor([32.0, 320.0])[None, :, None, None].expand(1, 2, 1, 3))


def test_an_nddr_unit_by_hand():
    """A 1x1 convolution of the concatenation, batch norm at test (mean 1, variance 4, scale 6, shift 1), ReLU."""
    unit = NDDRUnit(1, [0.5, 0.25], batch_norms("running")).eval()
    with torch.no_grad():
        unit.reduce.bias[0] = 2.0
        unit.norm.running_mean[0], unit.norm.running_var[0] = 1.0, 4.0 - unit.norm.eps
        unit.norm.weight[0], unit.norm.bias[0] = 6.0, 1.0
    a, b = tensor([4.0, -8.0])[None, None, None], tensor([8.0, -4.0])[None, None, None]
    # 0.5 a + 0.25 b + 2 = 6 and -3; minus 1, divided by 2, times 6, plus 1: 16 and -11
    assert_close(unit([a, b]), tensor([16.0, 0.0])[None, None, None])


def test_the_start_is_ninety_per_cent_the_tasks_own_features():
    """Of four tasks the others have a thirtieth each."""
    for level, width in enumerate((4, 8, 16)):
        stitch = CrossStitchUNet(TASKS, **SMALL).exchange[level]["fovea"]
        assert_close(stitch.weights[:, :, 0, 0], tensor([1 / 30, 1 / 30, 0.9, 1 / 30])[:, None].expand(4, width))
        reduce = NDDRUNet(TASKS, **SMALL).exchange[level]["fovea"].reduce
        blocks = reduce.weight[:, :, 0, 0].reshape(width, 4, width).permute(1, 0, 2)
        assert_close(blocks, tensor([1 / 30, 1 / 30, 0.9, 1 / 30])[:, None, None] * torch.eye(width))
        assert not reduce.bias.any()


def single_task_networks(network):
    """A U-Net per task with the weights of its encoder, decoder and head."""
    state, found = network.state_dict(), {}
    for task in TASKS:
        found[task.name] = UNet([task], **PLAIN)
        own = {
            name.replace(f".{task.name}.", ".", 1) if name.startswith("encoder") else name: tensor
            for name, tensor in state.items()
            if name.split(".")[2 if name.startswith("encoder") else 1] == task.name and not name.startswith("exchange")
        }
        found[task.name].load_state_dict(own)
    return found


@pytest.mark.parametrize("training", [True, False])
def test_identity_stitches_are_single_task_networks(training):
    network = CrossStitchUNet(TASKS, own_weight=1.0, **PLAIN)
    image = torch.rand(3, 3, 16, 8)
    singles = single_task_networks(network)
    answers = network.train(training)(image)
    for name, single in singles.items():
        expected = single.train(training)(image)
        assert_close(answers[name], expected[name])
        answers[name].square().sum().backward(retain_graph=True)
        expected[name].square().sum().backward()
    for task in TASKS[-1:]:  # the last backward: through other tasks' encoders with the weight zero
        weight = network.encoder[0][task.name][0].shares[0][0].weight
        assert_close(weight.grad, singles[task.name].encoder[0][0].shares[0][0].weight.grad)


def test_diagonal_reductions_are_single_task_networks():
    """At test, where batch norm starts as the identity, up to its eps."""
    network = NDDRUNet(TASKS, own_weight=1.0, **PLAIN).eval()
    for module in network.exchange.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 0.0
    image = torch.rand(2, 3, 16, 8)
    answers = network(image)
    for name, single in single_task_networks(network).items():
        assert_close(answers[name], single.eval()(image)[name])


@both
def test_one_task_has_nothing_to_exchange(network_class):
    network = network_class(TASKS[:1], **SMALL)
    unit = network.exchange[0]["segmentation"]
    weights = (
        unit.weights[0, :, 0, 0] if network_class is CrossStitchUNet else unit.reduce.weight[:, :, 0, 0].diagonal()
    )
    assert_close(weights, torch.ones(4))


@both
def test_a_task_reads_the_encoders_of_all_tasks(network_class):
    network = network_class(TASKS, **PLAIN)
    network(torch.rand(2, 3, 8, 12), tasks=("fovea",))["fovea"].square().sum().backward()
    for level in range(3):
        for name in ("segmentation", "glaucoma", "fovea", "vessels"):
            assert network.encoder[level][name][0].shares[0][0].weight.grad.any()
            unit = network.exchange[level][name]
            used = level < 2 or name == "fovea"  # at the bottom only its own unit
            assert all((p.grad is not None) == used for p in unit.parameters())


def test_the_sizes():
    """Four encoders; per level and task a weight per task and channel, or a reduction with bias and batch norm."""
    with torch.device("meta"):
        plain, stitched, reduced = (c(TASKS, **PLAIN) for c in (UNet, CrossStitchUNet, NDDRUNet))
    encoders = count(plain.parameters()) + 3 * count(plain.encoder.parameters())
    assert count(stitched.parameters()) == encoders + 4 * 4 * (4 + 8 + 16)
    assert count(reduced.parameters()) == encoders + 4 * sum(4 * w * w + 3 * w for w in (4, 8, 16))


@both
@pytest.mark.parametrize("weight", [-0.1, 1.5, float("nan")])
def test_a_wrong_weight_raises(network_class, weight):
    with pytest.raises(ValueError, match="own_weight: expected 0 to 1, but got"):
        network_class(TASKS, own_weight=weight)
