"""Parts of a U-Net: a level of the encoder, a decoder for dense tasks, a classifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fundus_mtl.networks._blocks import convolutions
from fundus_mtl.networks._owned_layer import OwnedLayer
from fundus_mtl.tasks import Task


def owned_convolutions(channels: Sequence[int], owners: int, norm: Callable[[int], nn.Module]) -> nn.Sequential:
    """Build 3x3 convolutions that keep the image size, divided into shares, each with a normalisation and a ReLU.

    Args:
        channels: Number of input channels, then the number of output channels of each convolution.
        owners: Number of shares of each convolution.
        norm: Function that builds a normalisation layer for a number of channels; it must treat channels separately.
    """
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):

        def share(own: int, before: int = before) -> nn.Module:
            return nn.Sequential(nn.Conv2d(before, own, 3, padding=1), norm(own))

        # ReLU after the concatenation. Inside the shares, autograd would also store the output of every share.
        layers += [OwnedLayer(share, after, owners), nn.ReLU()]
    return nn.Sequential(*layers)


class DenseHead(nn.Module):
    """Decoder: per level, double the size, concatenate the skip, convolve twice; finally a 1x1 convolution.

    Args:
        widths: Channels of the encoder levels. Sizes are halved from level to level, odd sides are rounded up.
        channels: Number of output channels.
        norm: Function that builds a normalisation layer for a number of channels.
    """

    def __init__(self, widths: Sequence[int], channels: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        levels = range(len(widths) - 2, -1, -1)
        self.decoder = nn.ModuleList(
            convolutions([widths[i] + widths[i + 1], widths[i], widths[i]], norm) for i in levels
        )
        self.logits = nn.Conv2d(widths[0], channels, 1)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Return logits ``(B, channels, H, W)`` from the features of all levels, ``(B, widths[0], H, W)`` first."""
        x = features[-1]
        for stage, skip in zip(self.decoder, reversed(features[:-1]), strict=True):
            x = F.interpolate(x, size=skip.shape[-2:], mode="bilinear", align_corners=False)
            x = stage(torch.cat([skip, x], dim=1))
        return self.logits(x)


def image_head(
    before: int, between: int, channels: int, dropout: float, norm: Callable[[int], nn.Module]
) -> nn.Sequential:
    """Build a classifier ``(B, before, h, w) -> (B, channels)``: 3x3 convolution, global average, dropout, linear layer.

    Args:
        before: Number of input channels.
        between: Number of channels of the convolution, which are averaged.
        channels: Number of outputs.
        dropout: Dropout probability before the linear layer.
        norm: Function that builds a normalisation layer for a number of channels.
    """
    pooled = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(between, channels)]
    return nn.Sequential(convolutions([before, between], norm), *pooled)


def chosen_inputs(network: str, tasks: Sequence[Task], names: Sequence[str] | None) -> tuple[Task, ...]:
    """Return the dense tasks whose predictions image-level heads read.

    Args:
        network: Name of the network, for the message.
        tasks: All tasks of the network.
        names: Names of dense tasks; None means all of kind segmentation.

    Raises:
        ValueError: if a name is not that of a dense task.
    """
    if names is None:
        return tuple(task for task in tasks if task.kind == "segmentation")
    dense = [task.name for task in tasks if task.dense]
    if unknown := sorted(set(names) - set(dense)):
        raise ValueError(f"{network}: expected classifier_inputs among the dense tasks {dense}, but got {unknown}.")
    return tuple(task for task in tasks if task.name in names)
