"""NDDR-CNN over the levels of the U-Net: tasks exchange features by learned reductions of their concatenation.

Source: Gao, Ma, Zhao, Liu, Yuille, NDDR-CNN: Layerwise Feature Fusing in Multi-Task CNNs by Neural Discriminative
Dimensionality Reduction, CVPR 2019, section 3, and the initialisation of the authors' code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from fundus_mtl.networks._soft_sharing_unet import SoftSharingUNet


class NDDRUNet(SoftSharingUNet):
    """A U-Net per task; after each level, a 1x1 convolution per task reduces the concatenated features of all tasks.

    A unit is a 1x1 convolution with bias from ``T * channels`` to ``channels``, a normalisation and a ReLU, as in the
    authors' code. The convolution starts as a diagonal: ``own_weight`` from each of the task's own channels, the rest
    divided among the same channel of the other tasks. The paper trains two tasks, starts from trained single-task
    networks, and uses a learning rate for the units that is 100 times that of the network (``exchange`` is their
    module). Its variant with shortcuts from all levels is not needed, because the decoders have skips.
    """

    def _unit(self, channels: int, start: Sequence[float], norm: Callable[[int], nn.Module]) -> nn.Module:
        return NDDRUnit(channels, start, norm)


class NDDRUnit(nn.Module):
    """Reduce the concatenated features of all tasks to those of one: 1x1 convolution, normalisation, ReLU.

    Args:
        channels: Number of channels of the features of each task.
        start: Initial weight of the features of each task.
        norm: Function that builds a normalisation layer for a number of channels.
    """

    def __init__(self, channels: int, start: Sequence[float], norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(len(start) * channels, channels, 1)
        self.norm = norm(channels)
        with torch.no_grad():
            diagonals = torch.cat([weight * torch.eye(channels) for weight in start], dim=1)
            self.reduce.weight.copy_(diagonals[:, :, None, None])
            torch.nn.init.constant_(self.reduce.get_parameter("bias"), 0.0)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Return ``(B, channels, h, w)`` from one such tensor per task."""
        return self.norm(self.reduce(torch.cat(list(maps), dim=1))).relu()
