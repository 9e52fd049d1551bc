"""Load ImageNet weights into the VGG encoder from a file with torchvision's names (``features.0.weight`` ...)."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from torch import Tensor, nn

from fundus_mtl.files import read_torch_file


def load_vgg_encoder(encoder: nn.ModuleList, path: str | Path, sha256: str | None = None) -> None:
    """Copy convolutions and batch norms, in order, from a ``vggNN_bn`` file into an encoder.

    The ``classifier.*`` tensors of the file are ignored. Running statistics are copied if the encoder has any.

    Args:
        encoder: Encoder of a ``VGGUNet``.
        path: File with the weights, loaded with ``weights_only=True``.
        sha256: Expected SHA-256 of the file. Default: the eight digits in a name such as ``vgg13_bn-abd245e5.pth`` are
            checked, as in torchvision.

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: if the checksum or the shape of a tensor differs.
    """
    path = weights_file(path, sha256)
    tensors: dict[str, Tensor] = read_torch_file(path)
    targets = [layer for layer in encoder.modules() if isinstance(layer, nn.Conv2d | nn.BatchNorm2d)]
    numbers = sorted({int(name.split(".")[1]) for name in tensors if re.fullmatch(r"features\.\d+\.\w+", name)})
    if len(numbers) != len(targets):
        raise ValueError(
            f"Pretrained weights: expected {len(targets)} layers, but got {len(numbers)} in {path.name}; use the file of "
            "the same VGG with batch norm."
        )
    for layer, number in zip(targets, numbers, strict=True):
        _copy(
            layer,
            {name.split(".")[2]: value for name, value in tensors.items() if name.startswith(f"features.{number}.")},
            number,
        )


def _copy(layer: nn.Module, values: dict[str, Tensor], number: int) -> None:
    own = layer.state_dict()
    for name, tensor in own.items():
        # Files from old PyTorch versions have no num_batches_tracked.
        value = values.get(name, tensor if name == "num_batches_tracked" else None)
        if value is None or value.shape != tensor.shape:
            got = "nothing" if value is None else tuple(value.shape)
            raise ValueError(
                f"Pretrained weights: expected {tuple(tensor.shape)} for features.{number}.{name}, but got {got}; only "
                "width 64 and the same VGG fit."
            )
        own[name] = value
    layer.load_state_dict(own)


def weights_file(path: str | Path, sha256: str | None = None) -> Path:
    """Return the path of a weights file after checking its hash.

    Args:
        path: File to check.
        sha256: Expected hash; without it the digits in a name such as ``vgg13_bn-abd245e5.pth`` are checked, if any.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the hash differs.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"Pretrained weights: expected a file, but got {path.name}; download it beforehand.")
    in_name = re.search(r"-([0-9a-f]{8,})\.", path.name)
    expected = sha256 or (in_name[1] if in_name else None)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if expected is not None and not digest.startswith(expected):
        raise ValueError(
            f"Pretrained weights: expected SHA-256 {expected}, but got {digest} for {path.name}; download it again."
        )
    return path
