"""Building blocks of the U-Nets, and the initialisation of their weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

from torch import nn

BatchNorm = Literal["running", "batch"]


def convolutions(channels: Sequence[int], norm: Callable[[int], nn.Module]) -> nn.Sequential:
    """Build 3x3 convolutions that keep the image size, each followed by a normalisation and a ReLU.

    Args:
        channels: Number of input channels, then the number of output channels of each convolution.
        norm: Function that builds a normalisation layer for a number of channels.
    """
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [nn.Conv2d(before, after, 3, padding=1), norm(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def batch_norms(batch_norm: BatchNorm) -> Callable[[int], nn.Module]:
    """Return a function that builds batch norms with running statistics (``running``) or batch statistics (``batch``)."""
    return lambda channels: nn.BatchNorm2d(channels, track_running_stats=batch_norm == "running")


def initialise(module: nn.Module) -> None:
    """Initialise a convolution Kaiming uniform with zero bias, as in MTL-IO; for ``nn.Module.apply``."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
