"""A head is trained on a network that stays as it is."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from fundus_mtl.networks import EfficientUNet, load_frozen
from fundus_mtl.tasks import Task

DISC = Task("disc", 1, "segmentation", nn.BCEWithLogitsLoss())
GLAUCOMA = Task("glaucoma", 1, "classification", nn.BCEWithLogitsLoss())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    torch.manual_seed(1)
    network = EfficientUNet([DISC])
    network(torch.rand(2, 3, 32, 64))  # statistics of batch norms that are no initial values
    path = tmp_path_factory.mktemp("trained") / "model.pt"
    torch.save(network.state_dict(), path)
    return network.eval(), path


def test_only_the_head_is_trained_and_all_else_keeps_its_bits(trained):
    before, path = trained
    torch.manual_seed(2)
    network = EfficientUNet([DISC, GLAUCOMA])
    load_frozen(network, path, ["heads.glaucoma"])
    copied = copy.deepcopy(network)  # as averaged weights are made
    image = torch.rand(2, 3, 32, 64)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.1)
    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for _ in range(3):
        network.train()
        answers = network(image)
        loss = answers["glaucoma"].sum() + answers["disc"].sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, start[name])}
    assert changed == {"heads.glaucoma.3.weight", "heads.glaucoma.3.bias"}
    for name, tensor in before.state_dict().items():
        assert torch.equal(network.state_dict()[name], tensor), name
    for other in (network, copied):
        other.train()  # the frozen part answers as in evaluation, in training too
        assert torch.equal(other(image, ["disc"])["disc"], before(image)["disc"])


def test_the_head_itself_is_in_training_mode(trained):
    network = EfficientUNet([DISC, GLAUCOMA], dropout=0.9)
    load_frozen(network, trained[1], ["heads.glaucoma"])
    network.train()
    image = torch.rand(1, 3, 32, 32)
    assert len({network(image, ["glaucoma"])["glaucoma"].item() for _ in range(8)}) > 1  # dropout is at work


def test_what_does_not_fit_is_refused(trained):
    network = EfficientUNet([DISC, GLAUCOMA])
    with pytest.raises(ValueError, match=r"parts of the network, such as heads\.glaucoma\.3, but got heads\.glau\b"):
        load_frozen(network, trained[1], ["heads.glau"])
    with pytest.raises(ValueError, match=r"missing heads\.glaucoma\.3\.bias, heads\.glaucoma\.3\.weight"):
        load_frozen(network, trained[1], [])
    with pytest.raises(ValueError, match=r"not known decoder"):
        load_frozen(EfficientUNet([GLAUCOMA]), trained[1], ["heads.glaucoma"])
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_a_head_that_the_file_has_is_trained_from_the_start(trained, tmp_path):
    torch.manual_seed(3)
    torch.save(EfficientUNet([DISC, GLAUCOMA]).state_dict(), tmp_path / "model.pt")
    network = EfficientUNet([DISC, GLAUCOMA])
    head = network.heads["glaucoma"][-1].weight.clone()
    load_frozen(network, tmp_path / "model.pt", ["heads.glaucoma"])
    assert torch.equal(network.heads["glaucoma"][-1].weight, head)
