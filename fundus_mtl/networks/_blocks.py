"""What the U-Nets are built of, and how their weights start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

from torch import nn

BatchNorm = Literal["running", "batch"]


def convolutions(channels: Sequence[int], norm: Callable[[int], nn.Module]) -> nn.Sequential:
    """Build 3x3 convolutions that keep the size, each with a normalisation and a ReLU.

    Args:
        channels: before the first and after each of them.
        norm: builds a normalisation from its number of channels.
    """
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [nn.Conv2d(before, after, 3, padding=1), norm(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def batch_norms(batch_norm: BatchNorm) -> Callable[[int], nn.Module]:
    """Return what builds batch norms that use averages kept in training at test (``running``), or the batch's own."""
    return lambda channels: nn.BatchNorm2d(channels, track_running_stats=batch_norm == "running")


def initialise(module: nn.Module) -> None:
    """Start a convolution Kaiming uniform with zero bias, as MTL-IO says; for ``nn.Module.apply``."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
