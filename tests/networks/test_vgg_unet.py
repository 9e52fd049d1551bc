from __future__ import annotations

import hashlib

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from fundus_mtl.networks import VGGUNet
from fundus_mtl.tasks import Task

DENSE = [Task("disc", 1, "segmentation", None), Task("cup", 1, "segmentation", None), Task("fovea", 1, "heatmap", None)]
TASKS = [*DENSE, Task("glaucoma", 1, "classification", None)]


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_parameters_of_mtl_io():
    """17,268,036 as counted on the authors' network; its encoder with the linear layer is 9.41 million."""
    with torch.device("meta"):
        network = VGGUNet(TASKS)
    assert count(network) == 17_268_036
    assert count(network.encoder) + count(network.heads["glaucoma"]) == 9_411_393


def test_vgg16_adds_three_convolutions():
    """One more in each of the last three stages: 256, 512 and 512 channels, each with its bias and batch norm."""
    with torch.device("meta"):
        difference = count(VGGUNet(TASKS, encoder="vgg16")) - count(VGGUNet(TASKS))
    assert difference == sum(c * c * 9 + c + 2 * c for c in (256, 512, 512))


@pytest.mark.parametrize("size", [(32, 48), (50, 37)])
def test_shapes_of_non_square_images(size):
    network = VGGUNet([Task("vessels", 2, "segmentation", None), *TASKS], width=4).eval()
    shapes = {name: tuple(out.shape) for name, out in network(torch.rand(2, 3, *size)).items()}
    assert shapes == {
        "vessels": (2, 2, *size),
        "disc": (2, 1, *size),
        "cup": (2, 1, *size),
        "fovea": (2, 1, *size),
        "glaucoma": (2, 1),
    }


def test_only_requested_tasks_are_computed():
    network = VGGUNet(TASKS, width=4).eval()
    ran = []
    for name, module in network.named_modules():
        module.register_forward_hook(lambda *_, name=name: ran.append(name))
    image = torch.rand(1, 3, 32, 32)
    everything = network(image)
    ran.clear()
    glaucoma = network(image, tasks=("glaucoma",))
    assert not any(name.startswith("decoder") or name == "heads.disc" for name in ran)
    assert list(glaucoma) == ["glaucoma"]
    assert_close(glaucoma["glaucoma"], everything["glaucoma"])
    ran.clear()
    assert list(network(image, tasks=("disc",))) == ["disc"]
    assert not any(name in ("heads.glaucoma", "heads.cup") for name in ran)


def test_the_classifier_takes_the_global_maximum():
    """Worked by hand: each channel's largest value, weight one, bias one half; dropout is silent at test."""
    head = VGGUNet(TASKS, width=1).eval().heads["glaucoma"]
    nn.init.ones_(head.linear.weight)
    nn.init.constant_(head.linear.bias, 0.5)
    features = torch.zeros(1, 8, 2, 3)
    features[0, :, 1, 2] = torch.arange(8.0)
    assert_close(head(features), torch.tensor([[28.5]]))


def test_the_decoder_is_the_papers():
    """Oracle: up-sampling by nn.Upsample with corners aligned, skip first, then the stage's own convolutions."""
    network = VGGUNet(TASKS, width=2).eval()
    image = torch.rand(1, 3, 32, 48)
    features = []
    for stage in network.encoder:
        features.append(stage(nn.MaxPool2d(2)(features[-1]) if features else image))
    x = features.pop()
    upsample = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
    for stage in network.decoder:
        x = stage(torch.cat([features.pop(), upsample(x)], dim=1))
    assert_close(network(image)["disc"], network.heads["disc"](x))


def test_sharing_is_as_in_the_paper():
    """The classifier leaves at the bottleneck: the decoder is reached by the three dense tasks only."""
    network = VGGUNet(TASKS, width=4)
    network(torch.rand(2, 3, 32, 32), tasks=("glaucoma",))["glaucoma"].sum().backward()
    assert all(p.grad is None for p in network.decoder.parameters())
    assert all(p.grad is not None for p in network.encoder.parameters())


def test_one_image_level_task_has_no_decoder():
    network = VGGUNet(TASKS[3:], width=4)
    assert count(network.decoder) == 0
    assert network(torch.rand(2, 3, 32, 32))["glaucoma"].shape == (2, 1)


def test_running_statistics_make_an_answer_independent_of_its_batch():
    images = torch.rand(3, 3, 32, 32)
    running, batch = (VGGUNet(TASKS, width=4, batch_norm=norm).eval() for norm in ("running", "batch"))
    assert_close(running(images)["disc"][:1], running(images[:1])["disc"])
    assert not torch.allclose(batch(images)["disc"][:1], batch(images[:1])["disc"])
    assert not any("running" in name for name in batch.state_dict())


def torchvision_like(path, width=64, convolutions=(2, 2, 2, 2, 2), **extra):
    """A file as torchvision's vgg13_bn: numbers count convolution, batch norm, ReLU and pooling."""
    tensors, number, before = {}, 0, 3
    generator = torch.Generator().manual_seed(0)
    for factor, repeats in zip((1, 2, 4, 8, 8), convolutions, strict=True):
        for _ in range(repeats):
            after = width * factor
            tensors[f"features.{number}.weight"] = torch.randn(after, before, 3, 3, generator=generator)
            tensors[f"features.{number}.bias"] = torch.randn(after, generator=generator)
            for name in ("weight", "bias", "running_mean", "running_var"):
                tensors[f"features.{number + 1}.{name}"] = torch.rand(after, generator=generator) + 0.5
            number, before = number + 3, after
        number += 1
    tensors["classifier.0.weight"] = torch.zeros(2, 2)
    torch.save(tensors | extra, path)
    return tensors


@pytest.mark.parametrize("encoder, convolutions", [("vgg13", (2, 2, 2, 2, 2)), ("vgg16", (2, 2, 3, 3, 3))])
def test_pretrained_weights_compute_what_torchvision_would(tmp_path, encoder, convolutions):
    """Oracle: the same layers in torchvision's flat order, run on an image."""
    tensors = torchvision_like(tmp_path / "vgg.pth", 4, convolutions)
    network = VGGUNet(TASKS, width=4, encoder=encoder, pretrained=tmp_path / "vgg.pth").eval()
    flat, before = [], 3
    for factor, repeats in zip((1, 2, 4, 8, 8), convolutions, strict=True):
        for _ in range(repeats):
            flat += [nn.Conv2d(before, 4 * factor, 3, padding=1), nn.BatchNorm2d(4 * factor), nn.ReLU()]
            before = 4 * factor
        flat.append(nn.MaxPool2d(2))
    oracle = nn.Sequential(*flat[:-1]).eval()
    oracle.load_state_dict(
        {n.removeprefix("features."): t for n, t in tensors.items() if n.startswith("features")}, strict=False
    )
    image = torch.rand(1, 3, 32, 48)
    assert_close(network(image)["glaucoma"], network.heads["glaucoma"](oracle(image)))


def test_pretrained_without_running_statistics(tmp_path):
    tensors = torchvision_like(tmp_path / "vgg.pth", 4)
    network = VGGUNet(TASKS, width=4, batch_norm="batch", pretrained=tmp_path / "vgg.pth")
    assert_close(network.encoder[0][1].weight.data, tensors["features.1.weight"])


def test_checksums(tmp_path):
    path = tmp_path / "vgg13_bn-00000000.pth"
    torchvision_like(path, 4)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(ValueError, match="expected SHA-256 00000000, but got"):
        VGGUNet(TASKS, width=4, pretrained=path)
    VGGUNet(TASKS, width=4, pretrained=path, pretrained_sha256=digest)
    with pytest.raises(ValueError, match="expected SHA-256 beef, but got"):
        VGGUNet(TASKS, width=4, pretrained=path, pretrained_sha256="beef")


def test_pretrained_of_another_shape_raises(tmp_path):
    torchvision_like(tmp_path / "vgg.pth", 8)
    with pytest.raises(ValueError, match="only width 64 and the same VGG fit"):
        VGGUNet(TASKS, width=4, pretrained=tmp_path / "vgg.pth")
    with pytest.raises(ValueError, match="expected 13 layers|expected 26 layers"):
        VGGUNet(TASKS, width=8, encoder="vgg16", pretrained=tmp_path / "vgg.pth")
    with pytest.raises(FileNotFoundError, match="expected a file, but got none.pth"):
        VGGUNet(TASKS, width=4, pretrained=tmp_path / "none.pth")


def test_a_pickle_is_not_loaded(tmp_path):
    (tmp_path / "evil.pth").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(Exception, match="expected tensors that torch.save wrote, but got other objects"):
        VGGUNet(TASKS, width=4, pretrained=tmp_path / "evil.pth")


def test_initialisation():
    """PyTorch's default is uniform up to 1 / sqrt(inputs); Kaiming's for ReLU is wider by sqrt(6), without bias."""
    for name, factor, bias in (("torch", 1.0, True), ("kaiming", 6**0.5, False)):
        layer = VGGUNet(TASKS, width=16, initialisation=name).encoder[2][0]
        bound = factor * layer.weight[0].numel() ** -0.5
        assert 0.98 * bound < layer.weight.abs().max() <= bound
        assert bool(layer.bias.any()) == bias


def test_wrong_use_raises():
    with pytest.raises(ValueError, match="expected initialisation among .*, but got 'zero'"):
        VGGUNet(TASKS, width=4, initialisation="zero")
    with pytest.raises(ValueError, match="tasks with different names"):
        VGGUNet([TASKS[0], TASKS[0]], width=4)
    with pytest.raises(ValueError, match="an encoder among"):
        VGGUNet(TASKS, encoder="resnet")
    with pytest.raises(ValueError, match="batch_norm 'running' or 'batch'"):
        VGGUNet(TASKS, batch_norm="instance")
    with pytest.raises(ValueError, match="at least 16x16 px, but got \\(8, 32\\)"):
        VGGUNet(TASKS, width=4)(torch.rand(1, 3, 8, 32))
    with pytest.raises(KeyError, match="expected tasks among"):
        VGGUNet(TASKS, width=4)(torch.rand(1, 3, 32, 32), tasks=("fundus",))
