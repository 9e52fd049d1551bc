"""MTAN over the levels of the U-Net: tasks select features of one shared encoder by attention.

Source: Liu, Johns, Davison, End-to-End Multi-Task Learning with Attention, CVPR 2019, equations 1 and 2, and the
SegNet version of the authors' code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fundus_mtl.networks._blocks import initialise
from fundus_mtl.networks._task_network import SplitNetwork
from fundus_mtl.networks._unet import UNet, norm_layers
from fundus_mtl.networks._unet_parts import owned_convolutions
from fundus_mtl.tasks import Task


class MTANUNet(UNet):
    r"""A U-Net with one encoder and, per task and level, a soft mask over the encoder's features.

    With u and p the features after the first and the second convolution of a level, the mask of task i is
    :math:`a_i = h_i([u; f_i])`, where :math:`h_i` is a 1x1 convolution, normalisation, ReLU, 1x1 convolution,
    normalisation and sigmoid. :math:`\hat a_i = a_i \odot p` is the skip of the task's decoder, and
    :math:`f_i = pool(g(\hat a_i))` goes to the next level's mask. g is a 3x3 convolution with normalisation and ReLU
    that all tasks share, as in the authors' code; autograd finds that its gradient comes from all losses. The first
    level has no :math:`f_i`. At the bottom :math:`g(\hat a_i)` is the input of the decoder or classifier.

    The paper also has attention in a shared decoder; here, as in ``UNet``, every dense task has a decoder.

    Args:
        tasks: Tasks, one head each, in order.
        **options: Further arguments of ``UNet``.
    """

    attention: nn.ModuleList
    attention_convolutions: nn.ModuleList

    def __init__(self, tasks: Sequence[Task], **options: Any) -> None:
        super().__init__(tasks, **options)
        norm = norm_layers(self.norm)
        following = [*self.widths[1:], self.widths[-1]]
        self.attention = nn.ModuleList(
            _Masks({task.name: _mask(2 * width if level else width, width, norm) for task in tasks})
            for level, width in enumerate(self.widths)
        )
        self.attention_convolutions = nn.ModuleList(
            owned_convolutions([width, after], self.owners, norm)
            for width, after in zip(self.widths, following, strict=True)
        )
        self.attention.apply(initialise)
        self.attention_convolutions.apply(initialise)

    def _features(self, image: Tensor, names: Sequence[str]) -> dict[str, list[Tensor]]:
        x, passed = image, dict[str, Tensor]()
        features: dict[str, list[Tensor]] = {name: [] for name in names}
        levels = zip(self.encoder, self.attention, self.attention_convolutions, strict=True)
        for level, (block, masks, convolution) in enumerate(levels):
            first, relu, second, _ = block.children()
            u = relu(first(F.max_pool2d(x, 2) if level else x))
            x = relu(second(u))
            attended = {name: mask * x for name, mask in masks(u, passed, names).items()}
            convolved = {name: convolution(a) for name, a in attended.items()}
            at_bottom = level == len(self.encoder) - 1
            for name in names:
                features[name].append((convolved if at_bottom else attended)[name])
            passed = {} if at_bottom else {name: F.max_pool2d(f, 2) for name, f in convolved.items()}
        return features


class SplitMTANUNet(SplitNetwork, MTANUNet):
    r"""An ``MTANUNet`` in which each task owns a share of every shared convolution, for MT-COOL.

    :math:`\theta_i` is task i's share of the encoder and of the convolutions g, :math:`\phi_i` its masks, decoder and
    head.
    """

    def _share(self, task: Task) -> tuple[list[nn.Module], list[nn.Module]]:
        theta, phi = super()._share(task)
        masks = [self.get_submodule(f"attention.{level}.{task.name}") for level in range(len(self.attention))]
        return theta, [*masks, *phi]


class _Masks(nn.ModuleDict):
    """The masks of the tasks at one level."""

    def forward(self, u: Tensor, passed: Mapping[str, Tensor], names: Sequence[str]) -> dict[str, Tensor]:
        return {name: self[name](torch.cat([u, passed[name]], dim=1) if passed else u) for name in names}


def _mask(before: int, channels: int, norm: Callable[[int], nn.Module]) -> nn.Sequential:
    first = [nn.Conv2d(before, channels, 1), norm(channels), nn.ReLU()]
    return nn.Sequential(*first, nn.Conv2d(channels, channels, 1), norm(channels), nn.Sigmoid())
