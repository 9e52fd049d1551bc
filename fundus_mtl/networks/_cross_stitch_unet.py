"""Cross-stitch network over the levels of the U-Net.

Source: Misra, Shrivastava, Gupta, Hebert, Cross-Stitch Networks for Multi-Task Learning, CVPR 2016, equation 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from fundus_mtl.networks._soft_sharing_unet import SoftSharingUNet


class CrossStitchUNet(SoftSharingUNet):
    r"""A U-Net per task whose features are linear combinations of those of all tasks, learned per channel.

    After each level, task i continues with :math:`\tilde x_i = \sum_j A_{ij} \odot x_j`, where :math:`A_{ij}` is one
    number per channel. :math:`A_{ii}` starts as ``own_weight``; the paper found 0.9 best for two tasks, and a learning
    rate of the stitches that is 100 to 1000 times that of the network (``exchange`` is their module). The paper places
    the units after the poolings; here they come before, so that the skips of the decoders are combined too.

    With MT-COOL this is the fusion M of its equations 1 and 2 as a linear combination, instead of the concatenation of
    ``SplitUNet``. A ``width`` divided by the number of tasks gives encoders of the same number of channels.
    """

    def _unit(self, channels: int, start: Sequence[float], norm: Callable[[int], nn.Module]) -> nn.Module:
        return CrossStitchUnit(channels, start)


class CrossStitchUnit(nn.Module):
    """Combine the features of all tasks linearly, with one weight per task and channel.

    Args:
        channels: Number of channels of the features of each task.
        start: Initial weight of the features of each task.
    """

    def __init__(self, channels: int, start: Sequence[float]) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(start)[:, None, None, None].repeat(1, channels, 1, 1))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Return ``(B, channels, h, w)`` from one such tensor per task."""
        total = self.weights[0] * maps[0]
        for weight, x in zip(self.weights[1:], maps[1:], strict=True):
            total = torch.addcmul(total, weight, x)
        return total
