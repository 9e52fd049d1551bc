"""Masks of several structures as one map of whole numbers, as label viewers show them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from fundus_mtl.tasks import Task


class LabelMapd(MapTransform):
    """Paint masks into one map: every pixel gets the number of its channel, 0 where there is none.

    The channels are those of `fundus_mtl.networks.OneTensorNetwork`: 0 is the background, then come the dense tasks.

    Args:
        keys: Keys of masks ``(channels, H, W)``, whose values above 0 are inside; they become uint8 ``(1, H, W)``.
        tasks: Tasks of the network, in its order.
        order: Names of dense tasks in the order of painting: later ones lie over earlier ones. Names that are no tasks are
            skipped. None for all dense tasks in the order of the network.
        allow_missing_keys: Whether an item may lack a key.

    Raises:
        ValueError: If there are more than 255 channels, or on a call, fewer than the tasks have.
    """

    def __init__(
        self,
        keys: KeysCollection,
        tasks: Sequence[Task],
        order: Sequence[str] | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        channels: dict[str, range] = {}
        count = 1
        for task in (task for task in tasks if task.dense):
            channels[task.name] = range(count, count + task.channels)
            count += task.channels
        if count > 256:
            raise ValueError(f"LabelMapd: expected at most 255 channels, but got {count - 1}; paint fewer tasks.")
        names = list(channels) if order is None else [name for name in order if name in channels]
        self.count = count
        self.painted = [channel for name in names for channel in channels[name]]

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with label maps."""
        item = dict(data)
        for key in self.key_iterator(item):
            masks = torch.as_tensor(item[key])
            if masks.ndim != 3 or masks.shape[0] < self.count:
                raise ValueError(
                    f"{key}: expected masks of {self.count} channels or more, (C, H, W), but got {tuple(masks.shape)}."
                )
            painted = torch.zeros(masks.shape[1:], dtype=torch.uint8)
            for channel in self.painted:
                painted[masks[channel] > 0] = channel
            item[key] = painted[None]
        return item
