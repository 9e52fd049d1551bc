"""A U-Net on a residual encoder, with the decoders and heads of ``UNet``; it can start from ImageNet weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fundus_mtl.networks._efficient_unet import IMAGENET_MEAN, IMAGENET_STD
from fundus_mtl.networks._resnet_encoder import LAYOUTS, level_widths, residual_levels
from fundus_mtl.networks._resnet_weights import load_resnet_encoder
from fundus_mtl.networks._task_network import SplitNetwork
from fundus_mtl.networks._unet import UNet
from fundus_mtl.tasks import Task

SMALLEST = 16  # px


class ResNetUNet(UNet):
    """A U-Net on ResNet-18, -34, -50 or the wide ResNet-50, with a decoder and head per task as in ``UNet``.

    The levels are the stem and the four stages, at strides 2 to 32. Dense heads compute logits at half the size of the
    image, which are enlarged by bilinear interpolation. ``resnet34`` is the encoder of "Res34-UNet", a baseline in
    MTL-IO. The image is normalised inside the network: its input is RGB from 0 to 1.

    Args:
        tasks: Tasks, one head each, in order.
        encoder: ``"resnet18"``, ``"resnet34"``, ``"resnet50"`` or ``"wide_resnet50_2"``.
        width: Channels of the stem; 64 in the published networks.
        in_channels: Channels of the photograph.
        pretrained: File of torchvision's weights for the encoder (``width=64``, three channels). Optional.
        pretrained_sha256: Expected SHA-256 of that file. Optional.
        mean: Subtracted from each channel. Default: ImageNet's for three channels, otherwise 0.5.
        std: Divisor of each channel. Default: ImageNet's for three channels, otherwise 0.25.
        **options: ``dropout``, ``norm``, ``classifier_inputs`` and ``detach_classifier_inputs`` of ``UNet``.

    Raises:
        FileNotFoundError: if the file of pretrained weights does not exist.
        ValueError: if ``encoder`` is unknown, the weights do not fit, or for the reasons of ``UNet``.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        tasks: Sequence[Task],
        encoder: str = "resnet34",
        width: int = 64,
        in_channels: int = 3,
        pretrained: str | Path | None = None,
        pretrained_sha256: str | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        **options: Any,
    ) -> None:
        if encoder not in LAYOUTS:
            raise ValueError(
                f"{type(self).__name__}: expected an encoder among {sorted(LAYOUTS)}, but got {encoder!r}."
            )
        self.layout = LAYOUTS[encoder]  # before the base class builds the levels
        colour = in_channels == len(IMAGENET_MEAN)
        mean = mean or (IMAGENET_MEAN if colour else [0.5] * in_channels)
        std = std or (IMAGENET_STD if colour else [0.25] * in_channels)
        if not len(mean) == len(std) == in_channels or min(std) <= 0:
            raise ValueError(
                f"{type(self).__name__}: expected a mean and a positive std for each of {in_channels} channels, but got "
                f"{list(mean)} and {list(std)}."
            )
        super().__init__(tasks, width=width, depth=len(self.layout.blocks), in_channels=in_channels, **options)
        # Not persistent: they are settings of the network, not weights.
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32)[:, None, None], persistent=False)
        if pretrained is not None:
            load_resnet_encoder(self.encoder, pretrained, pretrained_sha256)

    def _level_widths(self, width: int, depth: int) -> list[int]:
        return level_widths(self.layout, width)

    def _encoder(self, channels: Sequence[int], norm: Callable[[int], nn.Module]) -> nn.ModuleList:
        return residual_levels(self.layout, channels[1], channels[0], self.owners, norm)

    def _features(self, image: Tensor, names: Sequence[str]) -> dict[str, list[Tensor]]:
        features = [self.encoder[0]((image - self.mean) / self.std)]
        for stage in self.encoder[1:]:
            at_stem = len(features) == 1
            features.append(stage(F.max_pool2d(features[-1], 3, stride=2, padding=1) if at_stem else features[-1]))
        return dict.fromkeys(names, features)

    def _dense(self, task: Task, features: Sequence[Tensor]) -> Tensor:
        return F.interpolate(super()._dense(task, features), scale_factor=2.0, mode="bilinear", align_corners=False)

    def _seen(self, bottom: Tensor, logits: dict[str, Tensor]) -> Tensor:
        maps = self._structures(logits)
        return torch.cat(
            [bottom, *(F.adaptive_avg_pool2d(each, (bottom.shape[2], bottom.shape[3])) for each in maps)], dim=1
        )

    def _check_size(self, height: int, width: int) -> None:
        if height % 2 or width % 2 or min(height, width) < SMALLEST:
            raise ValueError(
                f"{type(self).__name__}: expected even sides of at least {SMALLEST} px, but got {height}x{width}; pad or "
                "resize the image."
            )


class SplitResNetUNet(SplitNetwork, ResNetUNet):
    """A ``ResNetUNet`` in which each task owns a share of every convolution of the encoder, for MT-COOL."""
