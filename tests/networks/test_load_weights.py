"""Weights are loaded whole and right, or not at all."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from fundus_mtl.networks import load_weights


def network(width=4):
    torch.manual_seed(width)
    return nn.Sequential(nn.Conv2d(3, width, (3, 1)), nn.BatchNorm2d(width))


@pytest.fixture
def file(tmp_path):
    def save(content):
        torch.save(content, tmp_path / "model.pt")
        return tmp_path / "model.pt"

    return save


def test_every_tensor_is_loaded(file):
    trained, fresh = network(), network()
    with torch.no_grad():
        for tensor in trained.state_dict().values():
            tensor.add_(1)
    load_weights(fresh, file(trained.state_dict()))
    for name, tensor in trained.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], tensor)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.bfloat16])
def test_another_precision_is_converted(file, dtype):
    trained, fresh = network(), network(4)
    content = {
        key: value.to(dtype) if value.is_floating_point() else value for key, value in trained.state_dict().items()
    }
    load_weights(fresh, file(content))
    expected = trained.state_dict()["0.weight"].to(dtype).float()
    assert torch.equal(fresh.state_dict()["0.weight"], expected)
    assert fresh.state_dict()["0.weight"].dtype == torch.float32


def changed(**tensors):
    return lambda content: content | {key.replace("_", ".", 1): value for key, value in tensors.items()}


def without(*names):
    return lambda content: {key: value for key, value in content.items() if key not in names}


INTEGERS = torch.zeros(4, dtype=torch.int64)
REFUSED = {
    "nan": (changed(**{"0_weight": torch.full((4, 3, 3, 1), torch.nan)}), "got NaN or infinity in 0.weight; train"),
    "infinite": (changed(**{"1_running_var": torch.tensor([1, 1, 1, torch.inf])}), "infinity in 1.running_var;"),
    "overflow": (changed(**{"0_bias": torch.full((4,), 1e300, dtype=torch.float64)}), "got NaN or infinity in 0.bias;"),
    "integers": (changed(**{"0_bias": INTEGERS}), "the network's kind, but got 0.bias as int64 instead of float32;"),
    "booleans": (changed(**{"0_bias": INTEGERS.bool()}), "but got 0.bias as bool instead of float32;"),
    "complex": (changed(**{"0_bias": INTEGERS.to(torch.complex64)}), "but got 0.bias as complex64 instead of float32;"),
    "counter": (
        changed(**{"1_num_batches_tracked": torch.tensor(1.5)}),
        "but got 1.num_batches_tracked as float32 instead of int64;",
    ),
    "sparse": (changed(**{"0_bias": torch.zeros(4).to_sparse()}), "weights of the network's kind, but got 0.bias"),
    "shape": (
        changed(**{"0_bias": torch.zeros(5)}),
        r"this Sequential, .* another network; 0.bias \(5,\) instead of \(4,\); give",
    ),
    "missing": (without("0.bias", "1.bias"), "of another network; missing 0.bias, 1.bias; give the options of the"),
    "unknown": (changed(**{"2_bias": torch.zeros(1)}), "of another network; not known 2.bias; give"),
    "many": (
        lambda content: {f"net.{key}": value for key, value in content.items()},
        "missing 0.bias, 0.weight, 1.bias and 4 more, not known net.0.bias, net.0.weight, net.1.bias and 4 more; give",
    ),
    "state": (
        lambda content: {"network": content, "trainer": {"epoch": 1}},
        "expected a state_dict, tensors by name, but got network, trainer; give model.pt",
    ),
    "list": (lambda content: list(content.values()), "expected a state_dict, tensors by name, but got a list; save"),
    "tensor": (lambda content: content["0.bias"], "but got a Tensor; save"),
    "numbers": (lambda content: dict(enumerate(content.values())), "but got 0, 1, 2 and 4 more; give model.pt"),
    "empty": (lambda content: {}, "but got an empty one; give model.pt"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_weights_are_one_sentence_and_change_nothing(case, file):
    change, message = REFUSED[case]
    fresh = network()
    before = copy.deepcopy(fresh.state_dict())
    path = file(change(dict(network(4).state_dict())))
    with pytest.raises(ValueError, match=message) as refused:
        load_weights(fresh, path)
    assert str(refused.value).startswith(f"{path}: expected ")
    assert "\n" not in str(refused.value)
    assert all(torch.equal(tensor, before[name]) for name, tensor in fresh.state_dict().items())
