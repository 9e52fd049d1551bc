from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from fundus_mtl.networks import LeNet
from fundus_mtl.tasks import Task
from tests.networks.toy import count

EVEN, ODD = (Task(name, 5, "classification", None, "softmax") for name in ("even", "odd"))
PRIME = Task("prime", 1, "classification", None)


def test_parameters_counted_by_hand():
    convolutions = (10 * 1 * 25 + 10) + (20 * 10 * 25 + 20)
    assert count(LeNet([EVEN, ODD]).parameters()) == convolutions + (320 * 50 + 50) + 2 * (50 * 5 + 5) == 21_840


def test_every_argument_counts():
    """36 px leave 6x6: (36 - 4) / 2 = 16, (16 - 4) / 2 = 6."""
    network = LeNet([PRIME], hidden=7, in_channels=3, size=36, channels=(4, 6))
    assert network(torch.rand(2, 3, 36, 36))["prime"].shape == (2, 1)
    assert count(network.parameters()) == (4 * 75 + 4) + (6 * 100 + 6) + (6 * 36 * 7 + 7) + 8


def test_the_layers_are_the_papers():
    """Oracle: the same weights in plain functions, in the order of the architecture."""
    network = LeNet([EVEN, ODD, PRIME])
    first, second, hidden = (network.encoder[i].shares[0] for i in (0, 3, 7))
    image = torch.rand(3, 1, 28, 28)
    x = F.max_pool2d(F.conv2d(image, first.weight, first.bias).relu(), 2)
    x = F.max_pool2d(F.conv2d(x, second.weight, second.bias).relu(), 2)
    x = (x.reshape(3, 320) @ hidden.weight.T + hidden.bias).relu()
    answers = network(image)
    assert {name: tuple(out.shape) for name, out in answers.items()} == {"even": (3, 5), "odd": (3, 5), "prime": (3, 1)}
    for name, out in answers.items():
        assert_close(out, x @ network.heads[name].weight.T + network.heads[name].bias)


def test_the_smallest_image():
    assert LeNet([PRIME], size=16)(torch.rand(2, 1, 16, 16))["prime"].shape == (2, 1)
    with pytest.raises(ValueError, match="LeNet: expected a size of at least 16 px, but got 15"):
        LeNet([PRIME], size=15)


def test_only_requested_heads_run():
    network = LeNet([EVEN, ODD, PRIME])
    ran = []
    for name, head in network.heads.items():
        head.register_forward_hook(lambda *_, name=name: ran.append(name))
    image = torch.rand(2, 1, 28, 28)
    answers = network(image, tasks=("prime", "even"))
    assert list(answers) == ran == ["even", "prime"]
    assert_close(answers["prime"], network(image)["prime"])


def test_the_seed_decides_the_weights():
    def made(seed):
        torch.manual_seed(seed)
        return LeNet([EVEN, ODD]).state_dict()

    assert all(torch.equal(a, b) for a, b in zip(made(1).values(), made(1).values(), strict=True))
    assert not torch.equal(made(1)["heads.odd.weight"], made(2)["heads.odd.weight"])


def test_copies_and_files_answer_the_same(tmp_path):
    network, other = LeNet([EVEN, ODD]), LeNet([EVEN, ODD])
    torch.save(network.state_dict(), tmp_path / "lenet.pt")
    other.load_state_dict(torch.load(tmp_path / "lenet.pt", weights_only=True))
    image = torch.rand(2, 1, 28, 28)
    for twin in (other, copy.deepcopy(network)):
        assert_close(twin(image), network(image), rtol=0, atol=0)


def test_wrong_use_raises():
    with pytest.raises(ValueError, match="LeNet: expected tasks with different names, but got \\[\\]"):
        LeNet([])
    with pytest.raises(ValueError, match="LeNet: expected tasks with different names, but got \\['even', 'even'\\]"):
        LeNet([EVEN, EVEN])
    with pytest.raises(ValueError, match="one answer per image, but got dense tasks \\['disc'\\]"):
        LeNet([EVEN, Task("disc", 1, "segmentation", None)])
    with pytest.raises(ValueError, match="images of 28x28 px, but got \\(28, 32\\); resize them or set size"):
        LeNet([EVEN])(torch.rand(1, 1, 28, 32))
    with pytest.raises(KeyError, match="LeNet: expected tasks among \\['even'\\], but got \\['odd'\\]"):
        LeNet([EVEN])(torch.rand(1, 1, 28, 28), tasks=("odd",))
