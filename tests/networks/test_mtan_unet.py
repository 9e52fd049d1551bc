from __future__ import annotations

import torch
import torch.nn.functional as F
from torch.testing import assert_close

from fundus_mtl.networks import MTANUNet, SplitMTANUNet, UNet
from tests.networks.test_architectures import reached
from tests.networks.toy import SMALL, TASKS, count, joined


def normed(layer, x):
    return F.batch_norm(x, layer.running_mean, layer.running_var, layer.weight, layer.bias, eps=layer.eps)


def convolved(module, x):
    convolution, norm = module.shares[0]
    return F.relu(normed(norm, F.conv2d(x, convolution.weight, convolution.bias, padding=1)))


def test_the_attention_is_the_papers():
    """Equations 1 and 2 with torch's functions, for every task of a network of three levels."""
    network = MTANUNet(TASKS, **SMALL, classifier_inputs=[])
    network(torch.rand(4, 3, 16, 8))  # running statistics that are not 0 and 1
    network.eval()
    image = torch.rand(2, 3, 16, 8)
    answers = network(image)
    for task in TASKS:
        x, passed, features = image, None, []
        for level in range(3):
            block = network.encoder[level]
            u = convolved(block[0], F.max_pool2d(x, 2) if level else x)
            x = p = convolved(block[2], u)
            mask = network.attention[level][task.name]
            seen = u if passed is None else torch.cat([u, passed], dim=1)
            hidden = F.relu(normed(mask[1], F.conv2d(seen, mask[0].weight, mask[0].bias)))
            a = torch.sigmoid(normed(mask[4], F.conv2d(hidden, mask[3].weight, mask[3].bias)))
            g = convolved(network.attention_convolutions[level][0], a * p)
            features.append(a * p if level < 2 else g)
            passed = F.max_pool2d(g, 2)
        expected = network.heads[task.name](features if task.dense else features[-1])
        assert_close(answers[task.name], expected)


def test_tasks_share_the_encoder_and_the_attention_convolutions_but_no_mask():
    found = reached(MTANUNet(TASKS, **SMALL, classifier_inputs=[]), torch.rand(2, 3, 16, 8))
    everyone = tuple(task.name for task in TASKS)
    for name, tasks in found.items():
        part, *rest = name.split(".")
        if part in ("encoder", "attention_convolutions"):
            assert tasks == everyone, name
        if part == "attention":
            assert tasks == (rest[1],), name


def test_a_closed_mask_hides_the_encoder():
    """With a mask of zeros a task's answer does not depend on the image; the other tasks' do."""
    network = MTANUNet(TASKS, **SMALL, classifier_inputs=[]).eval()
    with torch.no_grad():
        for level in network.attention:
            level["fovea"][4].weight.zero_()
            level["fovea"][4].bias.fill_(-1000.0)
    one, other = network(torch.rand(1, 3, 8, 12)), network(torch.rand(1, 3, 8, 12))
    assert torch.equal(one["fovea"], other["fovea"])
    assert not torch.equal(one["vessels"], other["vessels"])


def test_the_size():
    """Masks: two 1x1 convolutions with bias and batch norm per level and task; a shared 3x3 convolution per level."""
    with torch.device("meta"):
        plain, network = UNet(TASKS, **SMALL), MTANUNet(TASKS, **SMALL)
    masks = 4 * sum((inputs * w + 3 * w) + (w * w + 3 * w) for inputs, w in ((4, 4), (16, 8), (32, 16)))
    shared = sum(9 * before * after + 3 * after for before, after in ((4, 8), (8, 16), (16, 16)))
    assert count(network.parameters()) == count(plain.parameters()) + masks + shared


def test_the_split_network_is_the_same_function():
    split, plain = (c(TASKS, **SMALL).double().eval() for c in (SplitMTANUNet, MTANUNet))
    plain.load_state_dict(joined(split.state_dict()))
    image = torch.rand(2, 3, 16, 8, dtype=torch.float64)
    assert_close(split(image), plain(image))
    theta, phi = split.task_parameters("fovea")
    own = {id(p) for p in phi}
    assert {id(p) for level in split.attention for p in level["fovea"].parameters()} <= own
    assert {id(p) for p in split.heads["fovea"].parameters()} <= own
    assert {id(level[0].shares[2][0].weight) for level in split.attention_convolutions} <= {id(p) for p in theta}
