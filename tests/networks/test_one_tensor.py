"""All tasks of a network as one tensor: values by hand, state, TorchScript."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fundus_mtl.networks import EfficientUNet, LeNet, OneTensorNetwork, SplitLeNet, SplitUNet, UNet, VGGUNet
from fundus_mtl.tasks import Task


def task(name, channels, kind, activation="sigmoid"):
    return Task(name, channels, kind, nn.BCEWithLogitsLoss(), activation)


QUALITY = task("quality", 1, "regression")
DENSE = [QUALITY, task("disc", 2, "segmentation"), task("fovea", 1, "heatmap")]
CLASSES = [task("even", 5, "classification", "softmax"), task("odd", 5, "classification", "softmax")]
NETWORKS = {
    "EfficientUNet": (lambda: EfficientUNet(DENSE, widths=(8, 8, 8, 8)), (3, 96, 64)),
    "VGGUNet": (lambda: VGGUNet(DENSE, width=2), (3, 96, 64)),
    "UNet": (lambda: UNet(DENSE, width=4), (3, 96, 64)),
    "SplitUNet": (lambda: SplitUNet(DENSE, width=4), (3, 96, 64)),
    "LeNet": (lambda: LeNet(CLASSES, hidden=6), (1, 28, 28)),
    "SplitLeNet": (lambda: SplitLeNet(CLASSES, hidden=6), (1, 28, 28)),
}


class Given(nn.Module):
    """A network whose logits are given."""

    def __init__(self, tasks, logits):
        super().__init__()
        self.tasks, self.logits = tuple(tasks), logits

    def forward(self, image):
        return self.logits


def test_channels_by_hand():
    """Logit 0 is a probability of 0.5, ln 3 of 0.75, -ln 3 of 0.25."""
    high = torch.tensor(3.0).log()
    maps = torch.stack([torch.stack([high, -high]).expand(3, 2), torch.zeros(3, 2)])[None]  # (1, 2, 3, 2)
    logits = {"disc": maps, "fovea": -high.expand(1, 1, 3, 2), "quality": high.expand(1, 1)}
    found = OneTensorNetwork(Given(DENSE, logits), (3, 3, 2))(torch.zeros(1, 3, 3, 2))
    assert found.shape == (1, 5, 3, 2)
    rows = [
        [0.25, 0.5],
        [0.75, 0.25],
        [0.5, 0.5],
        [0.25, 0.25],
        [0.75, 0.75],
    ]  # background, disc 0 and 1, fovea, quality
    assert torch.allclose(found, torch.tensor(rows)[None, :, None].expand(1, 5, 3, 2))


def test_without_dense_tasks_there_is_no_background():
    logits = {"even": torch.zeros(2, 5), "odd": torch.eye(2, 5) * 100}
    found = OneTensorNetwork(Given(CLASSES, logits), (1, 28, 28))(torch.zeros(2, 1, 28, 28))
    assert torch.allclose(found, torch.cat([torch.full((2, 5), 0.2), torch.eye(2, 5)], dim=1))


@pytest.mark.parametrize("name", NETWORKS)
def test_torchscript_gives_the_same_for_other_sizes_and_batches(name, tmp_path):
    make, shape = NETWORKS[name]
    torch.manual_seed(0)
    network = OneTensorNetwork(make(), shape).eval()
    torch.jit.script(network).save(tmp_path / "model.ts")
    loaded = torch.jit.load(tmp_path / "model.ts")
    shapes = [(2, *shape)] + ([(1, 3, 64, 160)] if shape[0] == 3 else [])
    for size in shapes:
        image = torch.rand(size)
        with torch.no_grad():
            expected, found = network(image), loaded(image)
        assert torch.equal(found, expected)
        assert 0 <= float(found.min()) <= float(found.max()) <= 1


@pytest.mark.parametrize("name", NETWORKS)
def test_both_networks_load_the_same_files(name):
    make, shape = NETWORKS[name]
    network = make()
    whole = OneTensorNetwork(network, shape)
    assert {key: id(value) for key, value in whole.state_dict(keep_vars=True).items()} == {
        key: id(value) for key, value in network.state_dict(keep_vars=True).items()
    }
    other = OneTensorNetwork(make(), shape)
    assert other.load_state_dict(network.state_dict()).missing_keys == []
    assert all(torch.equal(*pair) for pair in zip(other.parameters(), network.parameters(), strict=True))
    with pytest.raises(RuntimeError, match="Missing key"):
        other.load_state_dict({})


def test_a_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"expected three positive numbers, \(C, H, W\), but got \(3, 0, 64\)"):
        OneTensorNetwork(Given(DENSE, {}), (3, 0, 64))
