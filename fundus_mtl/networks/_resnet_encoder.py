"""Residual networks as encoders of a U-Net, with torchvision's layers.

Source: He et al., Deep Residual Learning for Image Recognition, CVPR 2016, Table 1; Zagoruyko and Komodakis, Wide
Residual Networks, BMVC 2016. In blocks of three convolutions the 3x3 convolution has the stride, as in torchvision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from fundus_mtl.networks._owned_layer import OwnedLayer

Norm = Callable[[int], nn.Module]


class Layout(NamedTuple):
    """The blocks of a residual network.

    Attributes:
        blocks: Number of blocks of each stage.
        expansion: Output channels of a block divided by its width: 1 for two 3x3 convolutions, 4 for 1x1, 3x3, 1x1.
        widening: Channels of the 3x3 convolution divided by the width, for blocks of three convolutions.
    """

    blocks: tuple[int, ...]
    expansion: int = 1
    widening: int = 1


LAYOUTS = {
    "resnet18": Layout((2, 2, 2, 2)),
    "resnet34": Layout((3, 4, 6, 3)),
    "resnet50": Layout((3, 4, 6, 3), expansion=4),
    "wide_resnet50_2": Layout((3, 4, 6, 3), expansion=4, widening=2),
}


def level_widths(layout: Layout, width: int) -> list[int]:
    """Return the channels of the stem and of every stage, at strides 2, 4, 8, 16 and 32."""
    return [width, *(width * 2**stage * layout.expansion for stage in range(len(layout.blocks)))]


def residual_levels(layout: Layout, width: int, in_channels: int, owners: int, norm: Norm) -> nn.ModuleList:
    """Build stem and stages. The max pooling between stem and first stage is not part of a level.

    Args:
        layout: Blocks of the network.
        width: Channels of the stem and of the first stage; 64 in the published networks.
        in_channels: Channels of the image.
        owners: Number of shares of each convolution.
        norm: Function that builds a normalisation layer for a number of channels; it must treat channels separately.
    """
    before, stages = width, list[nn.Module]()
    for stage, count in enumerate(layout.blocks):
        inner, blocks = width * 2**stage, list[nn.Module]()
        for index in range(count):
            stride = 2 if stage and not index else 1
            blocks.append(_Block(before, inner, stride, layout, owners, norm))
            before = inner * layout.expansion
        stages.append(nn.Sequential(*blocks))
    return nn.ModuleList([_Stem(in_channels, width, owners, norm), *stages])


class _Stem(nn.Module):
    """A 7x7 convolution of stride 2."""

    def __init__(self, in_channels: int, width: int, owners: int, norm: Norm) -> None:
        super().__init__()
        self.conv1 = _layer(in_channels, width, 7, 2, owners, norm)

    def forward(self, image: Tensor) -> Tensor:
        return F.relu(self.conv1(image))


class _Block(nn.Module):
    """Two or three convolutions, and the input added to their result."""

    def __init__(self, before: int, width: int, stride: int, layout: Layout, owners: int, norm: Norm) -> None:
        super().__init__()
        after, inner = width * layout.expansion, width * layout.widening
        self.conv3: nn.Module | None = None
        if layout.expansion == 1:
            self.conv1 = _layer(before, width, 3, stride, owners, norm)
            self.conv2 = _layer(width, after, 3, 1, owners, norm)
        else:
            self.conv1 = _layer(before, inner, 1, 1, owners, norm)
            self.conv2 = _layer(inner, inner, 3, stride, owners, norm)
            self.conv3 = _layer(inner, after, 1, 1, owners, norm)
        changed = stride > 1 or before != after
        self.downsample = _layer(before, after, 1, stride, owners, norm) if changed else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(F.relu(self.conv1(x)))
        if self.conv3 is not None:
            y = self.conv3(F.relu(y))
        return F.relu(y + self.downsample(x))


def _layer(before: int, after: int, kernel: int, stride: int, owners: int, norm: Norm) -> OwnedLayer:
    def share(own: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(before, own, kernel, stride=stride, padding=kernel // 2, bias=False), norm(own))

    return OwnedLayer(share, after, owners)
