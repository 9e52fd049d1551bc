from __future__ import annotations

import hashlib

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from fundus_mtl.networks import ResNetUNet, SplitResNetUNet
from tests.networks.architectures import assert_partial_pass
from tests.networks.toy import TASKS, owners

NAMES = [task.name for task in TASKS]
TINY = {"width": 4, "encoder": "resnet18"}
both = pytest.mark.parametrize("network_class", [ResNetUNet, SplitResNetUNet])
# Blocks per stage, expansion and widening as published.
PUBLISHED = {
    "resnet18": ((2, 2, 2, 2), 1, 1, 11_689_512),
    "resnet34": ((3, 4, 6, 3), 1, 1, 21_797_672),
    "resnet50": ((3, 4, 6, 3), 4, 1, 25_557_032),
    "wide_resnet50_2": ((3, 4, 6, 3), 4, 2, 68_883_240),
}
each_encoder = pytest.mark.parametrize("encoder", PUBLISHED)


@each_encoder
def test_the_encoder_has_as_many_parameters_as_published(encoder):
    """Of the classifiers for 1000 classes, without their last layer."""
    with torch.device("meta"):
        network = ResNetUNet(TASKS, encoder=encoder)
    classifier = 1000 * network.widths[-1] + 1000
    assert sum(p.numel() for p in network.encoder.parameters()) == PUBLISHED[encoder][3] - classifier


@both
@owners
@pytest.mark.parametrize("size", [(32, 64), (28, 28), (18, 46)])
def test_shapes_of_non_square_images(network_class, tasks, size):
    answers = network_class(tasks, **TINY)(torch.rand(2, 3, *size))
    shapes = {name: tuple(out.shape) for name, out in answers.items()}
    assert shapes == {t.name: (2, t.channels, *size) if t.dense else (2, t.channels) for t in tasks}


@both
@pytest.mark.parametrize("asked", [("fovea",), ("glaucoma",), ("vessels", "segmentation")], ids=str)
def test_a_partial_forward_pass_gives_the_same_answers_and_runs_no_other_head(network_class, asked):
    network = network_class(TASKS, **TINY, classifier_inputs=["segmentation"]).eval()
    assert_partial_pass(network, torch.rand(2, 3, 32, 48), asked)


@pytest.mark.parametrize("detach", [False, True])
def test_a_classifier_sends_gradients_to_the_structures_that_it_reads(detach):
    network = ResNetUNet(TASKS, **TINY, classifier_inputs=["segmentation"], detach_classifier_inputs=detach)
    network(torch.rand(2, 3, 32, 48), tasks=("glaucoma",))["glaucoma"].sum().backward()
    assert all((p.grad is None) == detach for p in network.heads["segmentation"].parameters())
    assert all(p.grad is not None for p in network.encoder.parameters())


def test_every_parameter_has_one_owner():
    network = SplitResNetUNet(TASKS, **TINY)
    shares = [network.task_parameters(name) for name in NAMES]
    owned = [id(p) for share in shares for part in share for p in part]
    assert len(owned) == len(set(owned))
    assert set(owned) == {id(p) for p in network.parameters()}
    assert {id(p) for theta, _ in shares for p in theta} == {id(p) for p in network.encoder.parameters()}


def torchvision_like(path, encoder, width=64, **changes):
    """A file with torchvision's names and random weights."""
    blocks, expansion, widening, _ = PUBLISHED[encoder]
    generator, tensors = torch.Generator().manual_seed(0), {}

    def layer(convolution, norm, *shape):
        fan_in = shape[1] * shape[2] * shape[3]
        tensors[f"{convolution}.weight"] = torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5
        for name in ("weight", "bias", "running_mean", "running_var"):
            tensors[f"{norm}.{name}"] = torch.rand(shape[0], generator=generator) + 0.5
        tensors[f"{norm}.num_batches_tracked"] = torch.tensor(7)

    layer("conv1", "bn1", width, 3, 7, 7)
    before = width
    for stage, count in enumerate(blocks):
        inner = width * 2**stage
        after, wide = inner * expansion, inner * widening
        for index in range(count):
            block = f"layer{stage + 1}.{index}"
            kernels = [(inner, before, 3), (after, inner, 3)]
            if expansion > 1:
                kernels = [(wide, before, 1), (wide, wide, 3), (after, wide, 1)]
            for number, (out, into, kernel) in enumerate(kernels, 1):
                layer(f"{block}.conv{number}", f"{block}.bn{number}", out, into, kernel, kernel)
            if index == 0 and (stage or before != after):
                layer(f"{block}.downsample.0", f"{block}.downsample.1", after, before, 1, 1)
            before = after
    tensors |= {"fc.weight": torch.zeros(1000, before), "fc.bias": torch.zeros(1000)} | changes
    torch.save({name: tensor for name, tensor in tensors.items() if tensor is not None}, path)
    return tensors


def recomputed(tensors, encoder, image):
    """Oracle: the published layers one after the other, by their names in the file."""

    def layer(x, convolution, norm, stride=1):
        weight = tensors[f"{convolution}.weight"]
        x = F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        mean, variance, scale, shift = (
            tensors[f"{norm}.{name}"][:, None, None] for name in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (variance + 1e-5).sqrt() * scale + shift

    x = layer(image, "conv1", "bn1", 2).relu()
    features = [x]
    x = F.max_pool2d(x, 3, 2, 1)
    blocks, expansion, _, _ = PUBLISHED[encoder]
    for stage, count in enumerate(blocks):
        for index in range(count):
            block, y = f"layer{stage + 1}.{index}", x
            strides = [1, 1, 1] if expansion > 1 else [1, 1]
            if stage and index == 0:
                strides[1 if expansion > 1 else 0] = 2
            for number, stride in enumerate(strides, 1):
                y = layer(y, f"{block}.conv{number}", f"{block}.bn{number}", stride)
                y = y.relu() if number < len(strides) else y
            if f"{block}.downsample.0.weight" in tensors:
                x = layer(x, f"{block}.downsample.0", f"{block}.downsample.1", max(strides))
            x = (x + y).relu()
        features.append(x)
    return features


@each_encoder
@both
def test_features_are_those_of_the_published_layers(network_class, encoder, tmp_path):
    """With shares too: three tasks divide the channels of the file among them."""
    tensors = torchvision_like(tmp_path / "resnet.pth", encoder, width=8)
    network = network_class(TASKS[:3], encoder=encoder, width=8, pretrained=tmp_path / "resnet.pth").eval().double()
    image = torch.rand(1, 3, 64, 96, dtype=torch.float64)
    normal = (image - network.mean) / network.std
    exact = {name: tensor.double() for name, tensor in tensors.items()}
    with torch.no_grad():
        found = network._features(image, ["fovea"])["fovea"]
        for own, oracle in zip(found, recomputed(exact, encoder, normal), strict=True):
            assert_close(own, oracle, rtol=1e-9, atol=1e-9)
    counts = {int(t) for name, t in network.encoder.state_dict().items() if name.endswith("num_batches_tracked")}
    assert counts == {7}


def test_the_shares_compute_the_function_of_the_whole(tmp_path):
    torchvision_like(tmp_path / "resnet.pth", "resnet18", width=8)
    whole, split = (
        made(TASKS, encoder="resnet18", width=8, pretrained=tmp_path / "resnet.pth").eval()
        for made in (ResNetUNet, SplitResNetUNet)
    )
    split.heads.load_state_dict(whole.heads.state_dict())
    image = torch.rand(2, 3, 32, 64)
    assert_close(whole(image), split(image), rtol=1e-4, atol=1e-4)


def test_files_without_statistics_and_encoders_without_any(tmp_path):
    path = tmp_path / "resnet.pth"
    tensors = torchvision_like(path, "resnet18", 8)
    torch.save({name: tensor for name, tensor in tensors.items() if "num_batches" not in name}, path)
    ResNetUNet(TASKS, encoder="resnet18", width=8, pretrained=path)
    network = ResNetUNet(TASKS, encoder="resnet18", width=8, pretrained=path, norm="batch")
    assert_close(network.encoder[0].conv1.shares[0][1].weight.data, tensors["bn1.weight"])


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"layer2.0.bn1.bias": None}, r"expected \(16,\) for layer2.0.bn1.bias, but got nothing in resnet.pth"),
        (
            {"conv1.weight": torch.zeros(8, 1, 7, 7)},
            r"expected \(8, 3, 7, 7\) for conv1.weight, but got \(8, 1, 7, 7\)",
        ),
        ({"layer4.2.conv1.weight": torch.zeros(64, 64, 3, 3)}, "this encoder alone, but got layer4.2.conv1.weight"),
        ({"layer1.0.conv3.weight": torch.zeros(8, 8, 1, 1)}, "this encoder alone, but got layer1.0.conv3.weight"),
    ],
    ids=str,
)
@both
def test_a_file_with_other_tensors_is_refused(network_class, changes, message, tmp_path):
    path = tmp_path / "resnet.pth"
    torchvision_like(path, "resnet18", 8, **changes)
    with pytest.raises(ValueError, match=message):
        network_class(TASKS[:3], encoder="resnet18", width=8, pretrained=path)


def test_checksums_pickles_and_missing_files(tmp_path):
    path = tmp_path / "resnet18-00000000.pth"
    torchvision_like(path, "resnet18", 8)
    made = {"encoder": "resnet18", "width": 8}
    with pytest.raises(ValueError, match="expected SHA-256 00000000, but got"):
        ResNetUNet(TASKS, **made, pretrained=path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    ResNetUNet(TASKS, **made, pretrained=path, pretrained_sha256=digest)
    (tmp_path / "evil.pth").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(Exception, match="expected tensors that torch.save wrote, but got other objects"):
        ResNetUNet(TASKS, **made, pretrained=tmp_path / "evil.pth")
    with pytest.raises(FileNotFoundError, match="expected a file, but got none.pth"):
        ResNetUNet(TASKS, **made, pretrained=tmp_path / "none.pth")


def test_colour_statistics_are_settings_and_not_weights():
    network = ResNetUNet(TASKS[:1], **TINY)
    assert not {"mean", "std"} & set(network.state_dict())
    grey = ResNetUNet(TASKS[:1], **TINY, in_channels=1)
    assert (float(grey.mean), float(grey.std)) == (0.5, 0.25)
    assert_close(network.mean[:, 0, 0], torch.tensor([0.485, 0.456, 0.406]))
    assert_close(network.std[:, 0, 0], torch.tensor([0.229, 0.224, 0.225]))


def test_wrong_use_raises():
    with pytest.raises(ValueError, match="ResNetUNet: expected an encoder among .*, but got 'resnet35'"):
        ResNetUNet(TASKS, encoder="resnet35")
    with pytest.raises(ValueError, match="a positive std for each of 3 channels, but got"):
        ResNetUNet(TASKS, **TINY, std=(1, 1))
    with pytest.raises(ValueError, match="expected even sides of at least 16 px, but got 33x64"):
        ResNetUNet(TASKS, **TINY)(torch.rand(1, 3, 33, 64))
    with pytest.raises(KeyError, match="expected tasks among"):
        ResNetUNet(TASKS, **TINY)(torch.rand(1, 3, 32, 32), tasks=("disc",))
