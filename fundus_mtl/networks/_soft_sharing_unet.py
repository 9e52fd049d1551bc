"""Base class of U-Nets with soft sharing: every task has an encoder, and the encoders exchange features."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from fundus_mtl.networks._task_network import SplitNetwork
from fundus_mtl.networks._unet import UNet, norm_layers
from fundus_mtl.networks._unet_parts import owned_convolutions
from fundus_mtl.tasks import Task


class SoftSharingUNet(SplitNetwork, UNet):
    r"""A ``UNet`` in which every task has an encoder; after each level, units combine the features of all tasks.

    The combined features of a task are the input of its next level, the skip of its decoder and, at the bottom, the
    input of its decoder or classifier. With one task a network without exchange (``own_weight=1``) is a ``UNet``.

    The features of a task depend on the encoders of all tasks, so a partial forward pass leaves out only decoders,
    heads and, at the bottom, the units of other tasks. Every weight of the encoders is shared by all tasks.

    For MT-COOL, :math:`\theta_i` is the encoder of task i with its units, and :math:`\phi_i` its decoder and head.

    Args:
        tasks: Tasks, one encoder and head each, in order.
        own_weight: Initial weight of a task's own features in its units. The other tasks share the rest equally.
        **options: Further arguments of ``UNet``; ``width`` is that of each encoder.

    Raises:
        ValueError: if ``own_weight`` is outside 0..1, or for the reasons of ``UNet``.
    """

    exchange: nn.ModuleList

    def __init__(self, tasks: Sequence[Task], own_weight: float = 0.9, **options: Any) -> None:
        if not 0 <= own_weight <= 1:
            raise ValueError(f"own_weight: expected 0 to 1, but got {own_weight}.")
        super().__init__(tasks, **options)
        starts = {
            task.name: [1.0 if len(tasks) == 1 else own_weight if other is task else rest for other in tasks]
            for task in tasks
            for rest in [(1 - own_weight) / max(len(tasks) - 1, 1)]
        }
        self.exchange = nn.ModuleList(
            _Exchange({name: self._unit(width, start, norm_layers(self.norm)) for name, start in starts.items()})
            for width in self.widths
        )

    @abstractmethod
    def _unit(self, channels: int, start: Sequence[float], norm: Callable[[int], nn.Module]) -> nn.Module:
        """Build the unit of a task at a level: a function of the features ``(B, channels, h, w)`` of all tasks.

        Args:
            channels: Number of channels of the features of each task.
            start: Initial weight of the features of each task, in their order.
            norm: Function that builds a normalisation layer for a number of channels.
        """

    def _encoder(self, channels: Sequence[int], norm: Callable[[int], nn.Module]) -> nn.ModuleList:
        return nn.ModuleList(
            _Towers({task.name: owned_convolutions([before, after, after], 1, norm) for task in self.tasks})
            for before, after in pairwise(channels)
        )

    def _features(self, image: Tensor, names: Sequence[str]) -> dict[str, list[Tensor]]:
        maps = {task.name: image for task in self.tasks}
        features: dict[str, list[Tensor]] = {name: [] for name in names}
        levels = zip(self.encoder, self.exchange, strict=True)
        for level, (towers, exchange) in enumerate(levels):
            smaller = {name: F.max_pool2d(x, 2) if level else x for name, x in maps.items()}
            maps = exchange(towers(smaller), names if level == len(self.exchange) - 1 else list(maps))
            for name in names:
                features[name].append(maps[name])
        return features

    def _share(self, task: Task) -> tuple[list[nn.Module], list[nn.Module]]:
        parts = [f"{part}.{i}.{task.name}" for part in ("encoder", "exchange") for i in range(len(self.encoder))]
        return [self.get_submodule(part) for part in parts], [self.heads[task.name]]


class _Towers(nn.ModuleDict):
    """A level of the encoder of every task."""

    def forward(self, maps: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: self[name](x) for name, x in maps.items()}


class _Exchange(nn.ModuleDict):
    """The unit of every task at one level."""

    def forward(self, maps: Mapping[str, Tensor], names: Sequence[str]) -> dict[str, Tensor]:
        everything = list(maps.values())
        return {name: self[name](everything) for name in names}
