"""Combine several masks into one label with several channels."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.transforms import ConcatItemsd


class StackMasksd(ConcatItemsd):
    """Stack masks into the channels of one task, and set whether the sample has the label of that task.

    A sample that lacks one of the masks has no label, because the filler of a channel would train the network to
    predict nothing. Apply this transform after ``MissingLabelsd``, which writes fillers and ``<key>_present``.

    Args:
        keys: Keys of masks ``(1, H, W)`` on the same grid, in the order of the channels.
        name: Name of the task; ``<name>`` becomes ``(len(keys), H, W)``, ``<name>_present`` 0-dim bool.
    """

    def __init__(self, keys: Sequence[str], name: str) -> None:
        super().__init__(keys, name)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with the label of the task in addition to the masks."""
        item: dict[Hashable, Any] = super().__call__(data)
        item[f"{self.name}_present"] = torch.stack([item[f"{key}_present"] for key in self.keys]).all()
        return item
