"""MTI-Net over the levels of the U-Net: tasks exchange features at every scale.

Source: Vandenhende, Georgoulis, Van Gool, MTI-Net: Multi-Scale Task Interaction Networks, ECCV 2020, section 3, and the
authors' code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fundus_mtl.networks._blocks import convolutions, initialise
from fundus_mtl.networks._task_network import SplitNetwork
from fundus_mtl.networks._unet import UNet, norm_layers
from fundus_mtl.tasks import Task

Features = dict[str, Tensor]


class MTIUNet(UNet):
    r"""A U-Net with one encoder and, per task and level, features that the other tasks' features improve.

    From the bottom to the top, a 3x3 convolution turns the encoder's features of a level, and what the level below
    passes up, into features :math:`f_t` of each task. Then, at every level,

    * *distillation*: :math:`\hat f_t = f_t + \sum_{s \ne t} \sigma(A_{ts} f_s) \odot (B_{ts} f_s)` with 3x3
      convolutions A and B is the skip of the task's decoder, and at the bottom the input of its decoder or classifier.
    * *propagation* (not at the top): with :math:`m = softmax_s(C_s [f_1, \dots, f_T])` over the tasks, per channel and
      pixel, :math:`p = \sum_s m_s \odot f_s` is shared, and :math:`f_t + g_t(p) \odot p` is passed up, where
      :math:`g_t` is a squeeze-and-excitation gate.

    Differences from the source: no auxiliary predictions at every scale and no losses on them, since a network here
    returns one answer per task; the encoder is that of ``UNet`` instead of HRNet or a feature pyramid; scales are
    joined by the decoder of ``UNet``. In the authors' code the softmax is over an axis of length one.

    Without a dense task only the bottom level has these parts.

    Args:
        tasks: Tasks, one head each, in order.
        **options: Further arguments of ``UNet``.
    """

    refinement: nn.ModuleList
    propagation: nn.ModuleList
    distillation: nn.ModuleList

    def __init__(self, tasks: Sequence[Task], **options: Any) -> None:
        super().__init__(tasks, **options)
        norm = norm_layers(self.norm)
        dense = [task.name for task in tasks if task.dense]
        names = [task.name for task in tasks]
        # From the bottom to the top.
        widths = self.widths[::-1] if dense else self.widths[-1:]
        self.refinement = nn.ModuleList(
            _Refinement({name: convolutions([below + width, width], norm) for name in names})
            for below, width in zip([0, *widths[:-1]], widths, strict=True)
        )
        self.propagation = nn.ModuleList(
            _Propagation({name: _Share(len(names) * width, width) for name in names}) for width in widths[:-1]
        )
        self.distillation = nn.ModuleList(
            _Distillation({name: _Exchange([n for n in names if n != name], width) for name in targets})
            for targets, width in zip([names, *[dense] * (len(widths) - 1)], widths, strict=True)
        )
        for part in (self.refinement, self.propagation, self.distillation):
            part.apply(initialise)

    def _features(self, image: Tensor, names: Sequence[str]) -> dict[str, list[Tensor]]:
        levels: list[Tensor] = []
        for block in self.encoder:
            levels.append(block(F.max_pool2d(levels[-1], 2) if levels else image))
        dense = [task.name for task in self.tasks if task.dense and task.name in names]
        found: dict[str, list[Tensor]] = {name: [] for name in names}
        passed: Features = {}
        for index, level in enumerate(reversed(levels if dense else levels[-1:])):
            features = self.refinement[index](level, passed)
            for name, distilled in self.distillation[index](features, dense if index else names).items():
                found[name].insert(0, distilled)
            passed = self.propagation[index](features) if dense and index < len(self.propagation) else {}
        return found


class SplitMTIUNet(SplitNetwork, MTIUNet):
    r"""An ``MTIUNet`` in which each task owns a share of every convolution of the encoder, for MT-COOL.

    :math:`\theta_i` is task i's share of the encoder, :math:`\phi_i` everything else of the task.
    """

    def _share(self, task: Task) -> tuple[list[nn.Module], list[nn.Module]]:
        theta, phi = super()._share(task)
        parts = [*self.refinement, *self.propagation, *self.distillation]
        return theta, [*(part[task.name] for part in parts if task.name in part), *phi]


class _Refinement(nn.ModuleDict):
    """The features of the tasks at one level, before they are exchanged."""

    def forward(self, level: Tensor, passed: Features) -> Features:
        size = level.shape[-2:]
        enlarged = {name: F.interpolate(below, size=size, mode="bilinear") for name, below in passed.items()}
        return {
            name: refine(torch.cat([level, enlarged[name]], dim=1) if passed else level)
            for name, refine in self.items()
        }


class _Propagation(nn.ModuleDict):
    """What each task passes to the next level."""

    def forward(self, features: Features) -> Features:
        joined = torch.cat(list(features.values()), dim=1)
        masks = torch.stack([self[name].get_submodule("mask")(joined) for name in features]).softmax(0)
        shared = (masks * torch.stack(list(features.values()))).sum(0)
        return {name: f + self[name].get_submodule("gate")(shared) * shared for name, f in features.items()}


class _Share(nn.Module):
    """The part of a task in the propagation: the logits of its mask, and its gate."""

    def __init__(self, joined: int, channels: int) -> None:
        super().__init__()
        inner = max(channels // 4, 1)
        self.mask = nn.Conv2d(joined, channels, 1)
        self.gate = nn.Sequential(
            *(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, inner, 1), nn.ReLU()),
            *(nn.Conv2d(inner, channels, 1), nn.Sigmoid()),
        )


class _Distillation(nn.ModuleDict):
    """The improved features of the tasks at one level."""

    def forward(self, features: Features, names: Sequence[str]) -> Features:
        return {name: self[name](features[name], features) for name in names}


class _Exchange(nn.Module):
    """Add to the features of one task what it takes from the others."""

    def __init__(self, others: Sequence[str], channels: int) -> None:
        super().__init__()
        self.attention = nn.ModuleDict({name: _convolution(channels) for name in others})
        self.value = nn.ModuleDict({name: _convolution(channels) for name in others})

    def forward(self, own: Tensor, features: Mapping[str, Tensor]) -> Tensor:
        for name, value in self.value.items():
            own = own + self.attention[name](features[name]).sigmoid() * value(features[name])
        return own


def _convolution(channels: int) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, 3, padding=1, bias=False)
