from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from fundus_mtl.networks import SplitUNet, UNet
from tests.networks.toy import DISC_CUP, GLAUCOMA, SMALL, TASKS, both, count, owners


@owners
@both
@pytest.mark.parametrize("size", [(32, 48), (8, 4)])
def test_shapes_of_non_square_images(network_class, tasks, size):
    network = network_class(tasks, **SMALL)
    shapes = {name: tuple(out.shape) for name, out in network(torch.rand(2, 3, *size)).items()}
    assert shapes == {t.name: (2, t.channels, *size) if t.dense else (2, t.channels) for t in tasks}


def test_the_papers_size():
    """Four down-sampling modules, 256 channels at the bottom; every number of parameters counted by hand."""
    with torch.device("meta"):
        network = UNet(TASKS[:2])
    encoder, decoder, before = 0, 0, 3
    for width in (16, 32, 64, 128, 256):
        encoder += (9 * before * width + 3 * width) + (9 * width * width + 3 * width)
        before = width
    for width in (16, 32, 64, 128):
        decoder += (9 * 3 * width * width + 3 * width) + (9 * width * width + 3 * width)
    assert len(network.encoder) == 5
    assert count(network.encoder.parameters()) == encoder
    assert count(network.heads["segmentation"].parameters()) == decoder + 2 * 16 + 2
    assert count(network.heads["glaucoma"].parameters()) == (9 * 258 * 128 + 3 * 128) + 128 + 1


@both
def test_only_requested_tasks_are_computed(network_class):
    network = network_class(TASKS, **SMALL, classifier_inputs=["segmentation"]).eval()
    ran = []
    for name, module in network.named_modules():
        if name:
            module.register_forward_hook(lambda *_, name=name: ran.append(name))
    image = torch.rand(1, 3, 16, 16)

    def heads(tasks):
        ran.clear()
        answers = network(image, tasks=tasks)
        assert list(answers) == [task.name for task in TASKS if task.name in tasks]
        assert len(ran) == len(set(ran)), "something ran twice"
        return answers, {
            name.removeprefix("heads.") for name in ran if name.count(".") == 1 and name.startswith("heads")
        }

    everything, all_heads = heads([task.name for task in TASKS])
    assert all_heads == {"segmentation", "glaucoma", "fovea", "vessels"}
    for asked, expected in {
        ("fovea",): {"fovea"},
        ("segmentation",): {"segmentation"},
        ("glaucoma",): {"glaucoma", "segmentation"},
        ("vessels", "glaucoma"): {"vessels", "glaucoma", "segmentation"},
    }.items():
        answers, needed = heads(asked)
        assert needed == expected
        assert_close(answers, {name: everything[name] for name in answers})


def test_the_classifier_reads_the_segmentation():
    """Worked by hand: of 2x2 cells with logits +-100, half the disc is 0.5; the bottom features stand before it."""
    network = UNet([DISC_CUP, GLAUCOMA], width=2, depth=1)
    logits = torch.full((1, 2, 4, 2), -100.0)
    logits[0, 0, 0] = 100.0
    logits[0, 1, 2:] = 100.0
    seen = network._seen(torch.full((1, 4, 2, 1), 7.0), {"segmentation": logits})
    assert_close(seen[0, :4], torch.full((4, 2, 1), 7.0))
    assert_close(seen[0, 4:, :, 0], torch.tensor([[0.5, 0.0], [0.0, 1.0]]))


@both
def test_the_layers_are_those_of_a_u_net(network_class):
    """Oracle: torch's own modules around the network's blocks; each decoder reads every level's features."""
    network = network_class(TASKS, width=4, depth=3).eval()
    image = torch.rand(1, 3, 16, 32)
    features = []
    for level in network.encoder:
        x = nn.MaxPool2d(2)(features[-1]) if features else image
        for layer in level:
            x = torch.cat([share(x) for share in layer.shares], 1) if hasattr(layer, "shares") else layer(x)
        features.append(x)
    upsample = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
    answers, (*skips, bottom) = network(image), features
    for task in TASKS:
        head, x = network.heads[task.name], bottom
        if task.dense:
            for stage, skip in zip(head.decoder, skips[::-1], strict=True):
                x = stage(torch.cat([skip, upsample(x)], dim=1))
            x = head.logits(x)
        else:
            pool = nn.AvgPool2d(8)
            x = torch.cat([bottom, pool(answers["segmentation"].sigmoid()), pool(answers["vessels"].softmax(1))], 1)
            x = head[-1](head[0](x).mean(dim=(2, 3)))
        assert_close(answers[task.name], x)


def test_dropout_is_the_classifiers():
    network = UNet(TASKS[:2], **SMALL, dropout=0.5)
    assert [m.p for m in network.heads["glaucoma"].modules() if isinstance(m, nn.Dropout)] == [0.5]
    assert not any(isinstance(m, nn.Dropout) for m in network.heads["segmentation"].modules())


def test_channels_last_stays_channels_last():
    network = SplitUNet(TASKS, width=8, depth=2).eval()
    image = torch.rand(2, 3, 16, 24)
    expected = network(image)
    answers = network.to(memory_format=torch.channels_last)(image.to(memory_format=torch.channels_last))
    assert answers["segmentation"].is_contiguous(memory_format=torch.channels_last)
    assert_close(answers, expected, rtol=1e-4, atol=1e-4)


def test_mixed_precision():
    network = SplitUNet(TASKS, **SMALL)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        answers = network(torch.rand(2, 3, 16, 24))
    sum(out.float().square().sum() for out in answers.values()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert answers["glaucoma"].dtype == torch.bfloat16


@both
def test_wrong_use_raises(network_class):
    name = network_class.__name__
    network = network_class(TASKS[:2], width=4, depth=3)
    with pytest.raises(
        ValueError, match=f"{name}: expected sides that are multiples of 8 px, but got 30x16; .* to 32x16"
    ):
        network(torch.rand(1, 3, 30, 16))
    with pytest.raises(ValueError, match="multiples of 8 px, but got 8x20; pad or resize to 8x24"):
        network(torch.rand(1, 3, 8, 20))
    with pytest.raises(
        KeyError, match=f"{name}: expected tasks among \\['segmentation', 'glaucoma'\\], but got \\['cup'\\]"
    ):
        network(torch.rand(1, 3, 8, 8), tasks=("cup", "glaucoma"))
    with pytest.raises(ValueError, match=f"{name}: expected tasks with different names, but got \\[\\]"):
        network_class([])
    with pytest.raises(ValueError, match="depth of at least 1, but got 0"):
        network_class(TASKS, depth=0)
    with pytest.raises(ValueError, match="norm among \\('running', 'batch', 'instance'\\), but got 'group'"):
        network_class(TASKS, norm="group")
    with pytest.raises(ValueError, match="among the dense tasks \\['segmentation'\\], but got \\['glaucoma'\\]"):
        network_class(TASKS[:2], classifier_inputs=["glaucoma"])
