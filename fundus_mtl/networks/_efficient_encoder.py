"""EfficientNet-Lite0 as an encoder: inverted bottlenecks without squeeze-and-excitation, ReLU6 throughout.

Source: Tan and Le, EfficientNet (ICML 2019), and the Lite variants of the TensorFlow TPU repository
(``models/official/efficientnet/lite``), which drop squeeze-and-excitation and replace swish by ReLU6.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

STEM = 32  # channels after the first convolution
# Per stage: repeats, kernel size, stride of the first block, expansion of the channels, channels after it.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
TAPS = (0, 2, 4, 10, 15)  # blocks whose output is the last one at strides 2, 4, 8, 16 and 32
TAP_CHANNELS = (16, 24, 40, 112, 320)
EPS, MOMENTUM = 1e-3, 0.01  # of every batch norm; the reference's decay of 0.99 is a momentum of 0.01 here


class EfficientEncoder(nn.Module):
    """Compute features ``(B, C, H / s, W / s)`` for s = 2, 4, 8, 16, 32 and C = 16, 24, 40, 112, 320.

    Sides that the stride does not divide are rounded up, as TensorFlow's "same" padding does.

    Args:
        in_channels: Channels of the image.
    """

    def __init__(self, in_channels: int = 3) -> None:
        super().__init__()
        self.stem = _layer(in_channels, STEM, 3, stride=2)
        blocks: list[nn.Module] = []
        before = STEM
        for repeats, kernel, stride, expansion, after in STAGES:
            for repeat in range(repeats):
                blocks.append(_Block(before, after, kernel, stride if repeat == 0 else 1, expansion))
                before = after
        self.blocks = nn.ModuleList(blocks)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the five feature maps, the largest first, of an image ``(B, in_channels, H, W)``."""
        x = self.stem(image)
        features = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in TAPS:
                features.append(x)
        return features


class _Block(nn.Module):
    """Expand the channels, convolve each by itself, project back; add the input where the shape is the same."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = before * expansion
        self.expand = _layer(before, wide, 1) if expansion > 1 else nn.Identity()
        self.depthwise = _layer(wide, wide, kernel, stride, groups=wide)
        self.project = _layer(wide, after, 1, activation=False)
        self.residual = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


def _layer(
    before: int, after: int, kernel: int, stride: int = 1, groups: int = 1, activation: bool = True
) -> nn.Sequential:
    convolution = (
        nn.Conv2d(before, after, kernel, padding=kernel // 2, groups=groups, bias=False)
        if stride == 1
        else _StridedConv2d(before, after, kernel, stride=stride, groups=groups, bias=False)
    )
    layers: list[nn.Module] = [convolution, nn.BatchNorm2d(after, eps=EPS, momentum=MOMENTUM)]
    return nn.Sequential(*layers, *([nn.ReLU6(inplace=True)] if activation else []))


class _StridedConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow's "same": the output has ceil(side / stride), the odd pixel goes to the end.

    PyTorch pads both ends alike, which would shift ImageNet's weights by a pixel at every even side.
    """

    def forward(self, x: Tensor) -> Tensor:
        (top, bottom), (left, right) = (
            _same_padding(side, kernel, stride)
            for side, kernel, stride in zip(x.shape[-2:], self.kernel_size, self.stride, strict=True)
        )
        return super().forward(F.pad(x, (left, right, top, bottom)))


def _same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2
