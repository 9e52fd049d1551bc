"""Load ImageNet weights into a residual encoder from a file with torchvision's names (``layer1.0.conv1.weight`` ...)."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path

from torch import Tensor, nn

from fundus_mtl.files import read_torch_file
from fundus_mtl.networks._pretrained import weights_file

_CLASSIFIER = ("fc.",)  # ImageNet's own classifier, which an encoder does not need
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")  # some encoders have none; old files lack the last


def load_resnet_encoder(encoder: nn.ModuleList, path: str | Path, sha256: str | None = None) -> None:
    """Copy convolutions and normalisations from a file of torchvision's weights into an encoder.

    Every tensor of the encoder must be in the file, in the same shape, and the file must not contain other layers than
    those of the encoder and ImageNet's classifier. In an encoder with shares, each share gets its part of the channels,
    so that the whole computes the same function. Running statistics are copied if the encoder has any.

    Args:
        encoder: Encoder of a ``ResNetUNet`` of width 64.
        path: File with the weights, such as ``resnet34-b627a593.pth``; loaded with ``weights_only=True``.
        sha256: Expected SHA-256 of the file. Default: the digits in the name are checked, if any, as in torchvision.

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: if the checksum, a tensor's name or a tensor's shape differs.
    """
    path = weights_file(path, sha256)
    tensors: dict[str, Tensor] = read_torch_file(path)
    own = encoder.state_dict()
    names = {key: _name_in_file(key) for key in own}
    unknown = set(tensors) - set(names.values())
    if faults := sorted(name for name in unknown if not name.startswith(_CLASSIFIER + _statistics_of(names))):
        raise ValueError(
            f"Pretrained weights: expected the layers of this encoder alone, but got {faults[0]} in {path.name}; use the "
            "file of the network that the option encoder names."
        )
    loaded: dict[str, Tensor] = {}
    for name, shares in groupby(sorted(names, key=lambda key: (names[key], _share(key))), key=lambda key: names[key]):
        loaded |= _parts(tensors.get(name), {key: own[key] for key in shares}, name, path)
    encoder.load_state_dict(loaded)


def _statistics_of(names: dict[str, str]) -> tuple[str, ...]:
    """Return the names of the running statistics of the encoder's normalisations."""
    layers = {name.rpartition(".")[0] for name in names.values()}
    return tuple(f"{layer}.{statistic}" for layer in layers for statistic in _STATISTICS)


def _name_in_file(key: str) -> str:
    """Return ``layer2.0.bn1.bias`` for ``2.0.conv1.shares.1.1.bias``, and ``bn1.bias`` for ``0.conv1.shares.1.1.bias``."""
    found = re.fullmatch(r"(\d+)\.((?:\d+\.)?)(conv|downsample)(\d?)\.shares\.\d+\.(\d)\.(\w+)", key)
    if found is None:
        raise ValueError(f"Pretrained weights: expected the encoder of a ResNetUNet, but got the tensor {key}.")
    level, block, kind, number, index, tensor = found.groups()
    layer = f"downsample.{index}" if kind == "downsample" else ("conv", "bn")[int(index)] + number
    return f"layer{level}.{block}{layer}.{tensor}" if int(level) else f"{layer}.{tensor}"


def _share(key: str) -> int:
    return int(key.rpartition("shares.")[2].split(".")[0])


def _parts(tensor: Tensor | None, shares: dict[str, Tensor], name: str, path: Path) -> dict[str, Tensor]:
    """Divide a tensor of the file among the shares of a layer; a scalar goes to all of them."""
    if tensor is None and name.endswith("num_batches_tracked"):
        return shares
    first = next(iter(shares.values()))
    shape = (sum(len(share) for share in shares.values()), *first.shape[1:]) if first.ndim else ()
    if tensor is None or tensor.shape != shape:
        got = "nothing" if tensor is None else str(tuple(tensor.shape))
        raise ValueError(
            f"Pretrained weights: expected {shape} for {name}, but got {got} in {path.name}; use width 64, three channels "
            "and the file of the network that the option encoder names."
        )
    if not first.ndim:
        return dict.fromkeys(shares, tensor)
    return dict(zip(shares, tensor.split([len(share) for share in shares.values()]), strict=True))
