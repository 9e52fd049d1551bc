"""A U-Net on a VGG encoder, with a head per task.

Source: MTL-IO, "Multi-Task Learning with Independent Optimizers", whose code builds VGG-13 with batch norm (the paper says
VGG-16), a decoder of bilinear up-sampling and double convolutions, 1x1 heads, and a classifier on the bottleneck.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fundus_mtl.networks._blocks import BatchNorm, batch_norms, convolutions, initialise
from fundus_mtl.networks._pretrained import load_vgg_encoder
from fundus_mtl.networks._task_network import TaskNetwork
from fundus_mtl.tasks import Task

STAGE_WIDTHS = (1, 2, 4, 8, 8)  # in units of the first stage's channels
CONVOLUTIONS = {"vgg13": (2, 2, 2, 2, 2), "vgg16": (2, 2, 3, 3, 3)}


class VGGUNet(TaskNetwork):
    """Answer several tasks from one encoder; dense tasks share a decoder, the others read the bottleneck.

    With four tasks, ``width=64`` and ``vgg13`` this is MTL-IO's network, 17,268,036 parameters.

    Batch norm at test is a choice. ``"running"`` (default) normalises by the averages kept in training, so that a
    photograph's answer does not depend on what else is in its batch. ``"batch"`` is what MTL-IO's code does: the statistics
    of the batch itself, at test too, where its batch of one makes it an instance norm. Use it with batches of one then.

    Args:
        tasks: the heads to build, in order.
        width: channels of the first stage; the later ones have 2, 4, 8 and 8 times as many.
        encoder: ``"vgg13"`` as in MTL-IO's code or ``"vgg16"`` as in its text.
        in_channels: of the photograph.
        dropout: before the linear layer of image-level heads.
        batch_norm: see above.
        pretrained: a file of torchvision's ``vgg13_bn`` or ``vgg16_bn`` weights for the encoder (``width=64`` only).
        pretrained_sha256: what the file must hash to.

    Raises:
        ValueError: if there is no task, two have one name, or an option is unknown.
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
        pretrained: str | Path | None = None,
        pretrained_sha256: str | None = None,
    ) -> None:
        super().__init__(tasks)
        _check(encoder, batch_norm)
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
        self.apply(initialise)
        if pretrained is not None:
            load_vgg_encoder(self.encoder, pretrained, pretrained_sha256)

    def forward(self, image: Tensor, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        """Return the logits of the tasks asked for, computing no more than they need.

        Args:
            image: ``(B, in_channels, H, W)``, H and W at least 16.
            tasks: names; all by default.

        Returns:
            ``{task: (B, channels, H, W)}`` for dense tasks, ``(B, channels)`` for the others.

        Raises:
            KeyError: if a name is not one of the network's tasks.
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
    """Global maximum, dropout, linear: MTL-IO's classifier."""

    def __init__(self, in_channels: int, channels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(in_channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(self.dropout(features.amax(dim=(2, 3))))


def _decoder(widths: Sequence[int], norm: Callable[[int], nn.Module]) -> nn.ModuleList:
    """Each stage takes skip and up-sampled features; its first convolution halves them, its second meets the next skip."""
    stages = []
    x = widths[-1]
    for level in reversed(range(len(widths) - 1)):
        joined = x + widths[level]
        x = widths[max(level - 1, 0)]
        stages.append(convolutions([joined, joined // 2, x], norm))
    return nn.ModuleList(stages)


def _check(encoder: str, batch_norm: str) -> None:
    if encoder not in CONVOLUTIONS:
        raise ValueError(f"VGGUNet: expected an encoder among {sorted(CONVOLUTIONS)}, but got {encoder!r}.")
    if batch_norm not in ("running", "batch"):
        raise ValueError(f"VGGUNet: expected batch_norm 'running' or 'batch', but got {batch_norm!r}.")
