"""A U-Net with a VGG encoder and a head per task.

Source: MTL-IO, "Multi-Task Learning with Independent Optimizers". Its code builds VGG-13 with batch norm (the paper
states VGG-16), a decoder of bilinear up-sampling and double convolutions, 1x1 heads, and a classifier on the
bottleneck.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fundus_mtl.networks._blocks import BatchNorm, batch_norms, convolutions, initialise
from fundus_mtl.networks._pretrained import load_vgg_encoder
from fundus_mtl.networks._task_network import TaskNetwork
from fundus_mtl.tasks import Task

STAGE_WIDTHS = (1, 2, 4, 8, 8)  # in units of the channels of the first stage
Initialisation = Literal["kaiming", "torch"]
CONVOLUTIONS = {"vgg13": (2, 2, 2, 2, 2), "vgg16": (2, 2, 3, 3, 3)}


class VGGUNet(TaskNetwork):
    """A U-Net with a VGG encoder. Dense tasks share a decoder; image-level tasks use the bottleneck features.

    With four tasks, ``width=64`` and ``vgg13`` this is MTL-IO's network with 17,268,036 parameters.

    ``batch_norm`` selects the statistics at test time. ``"running"`` (default) uses the running statistics from
    training, so that the prediction for a photograph does not depend on the other images in its batch. ``"batch"`` uses
    the statistics of the batch at test time too, as in MTL-IO's code, where a batch of one makes it an instance norm.
    With ``"batch"``, test with batches of one.

    Args:
        tasks: Tasks, one head each, in order.
        width: Number of channels of the first stage; later stages have 2, 4, 8 and 8 times as many.
        encoder: ``"vgg13"`` as in MTL-IO's code, or ``"vgg16"`` as in its paper.
        in_channels: Number of channels of the photograph.
        dropout: Dropout probability before the linear layer of image-level heads.
        batch_norm: Statistics of batch norm at test time, see above.
        initialisation: ``"kaiming"`` for Kaiming uniform convolutions with zero bias, as in MTL-IO's paper, or
            ``"torch"`` for PyTorch's default, as in its code.
        pretrained: File of torchvision's ``vgg13_bn`` or ``vgg16_bn`` weights for the encoder (``width=64`` only).
            Optional.
        pretrained_sha256: Expected SHA-256 of that file. Optional.

    Raises:
        ValueError: if ``tasks`` is empty, two tasks have the same name, or an option is unknown.
    """

    encoder: nn.ModuleList

    def __init__(
        self,
        tasks: Sequence[Task],
        width: int = 64,
        encoder: str = "vgg13",
        in_channels: int = 3,
        dropout: float = 0.8,
        batch_norm: BatchNorm = "running",
        initialisation: Initialisation = "kaiming",
        pretrained: str | Path | None = None,
        pretrained_sha256: str | None = None,
    ) -> None:
        super().__init__(tasks)
        _check(encoder, batch_norm, initialisation)
        norm = batch_norms(batch_norm)
        widths = [width * factor for factor in STAGE_WIDTHS]
        self.encoder = nn.ModuleList(
            convolutions([before, *[after] * count], norm)
            for before, after, count in zip([in_channels, *widths[:-1]], widths, CONVOLUTIONS[encoder], strict=True)
        )
        self.heads = nn.ModuleDict(
            {
                t.name: nn.Conv2d(width, t.channels, 1) if t.dense else _ImageHead(widths[-1], t.channels, dropout)
                for t in tasks
            }
        )
        self.decoder = _decoder(widths, norm) if any(task.dense for task in tasks) else nn.ModuleList()
        if initialisation == "kaiming":
            self.apply(initialise)
        if pretrained is not None:
            load_vgg_encoder(self.encoder, pretrained, pretrained_sha256)

    def forward(self, image: Tensor, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        """Return the logits of the requested tasks; compute only the parts of the network that they need.

        Args:
            image: Images ``(B, in_channels, H, W)``; H and W are at least 16.
            tasks: Names of the tasks; default: all.

        Returns:
            ``{task: (B, channels, H, W)}`` for dense tasks, ``(B, channels)`` for the others.

        Raises:
            KeyError: if the network has no task of a given name.
            ValueError: if the image is too small for the four poolings.
        """
        wanted = self._wanted(tasks)
        if min(image.shape[-2:]) < 16:
            raise ValueError(
                f"VGGUNet: expected images of at least 16x16 px, but got {tuple(image.shape[-2:])}; resize them."
            )
        features: list[Tensor] = []
        for stage in self.encoder:
            features.append(stage(F.max_pool2d(features[-1], 2) if features else image))
        maps = self._decode(features) if any(task.dense for task in wanted) else None
        return {task.name: self.heads[task.name](maps if task.dense else features[-1]) for task in wanted}

    def _decode(self, features: list[Tensor]) -> Tensor:
        x = features[-1]
        for stage, skip in zip(self.decoder, reversed(features[:-1]), strict=True):
            x = F.interpolate(x, size=skip.shape[-2:], mode="bilinear", align_corners=True)
            x = stage(torch.cat([skip, x], dim=1))
        return x


class _ImageHead(nn.Module):
    """MTL-IO's classifier: global max pooling, dropout, linear layer."""

    def __init__(self, in_channels: int, channels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(in_channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(self.dropout(features.amax(dim=(2, 3))))


def _decoder(widths: Sequence[int], norm: Callable[[int], nn.Module]) -> nn.ModuleList:
    """Build the decoder: each stage concatenates skip and up-sampled features and halves the number of channels."""
    stages = []
    x = widths[-1]
    for level in reversed(range(len(widths) - 1)):
        joined = x + widths[level]
        x = widths[max(level - 1, 0)]
        stages.append(convolutions([joined, joined // 2, x], norm))
    return nn.ModuleList(stages)


def _check(encoder: str, batch_norm: str, initialisation: str) -> None:
    if encoder not in CONVOLUTIONS:
        raise ValueError(f"VGGUNet: expected an encoder among {sorted(CONVOLUTIONS)}, but got {encoder!r}.")
    if batch_norm not in ("running", "batch"):
        raise ValueError(f"VGGUNet: expected batch_norm 'running' or 'batch', but got {batch_norm!r}.")
    if initialisation not in get_args(Initialisation):
        raise ValueError(
            f"VGGUNet: expected initialisation among {get_args(Initialisation)}, but got {initialisation!r}."
        )
