"""One label of several channels out of several masks."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.transforms import ConcatItemsd


class StackMasksd(ConcatItemsd):
    """Stack masks into the channels of one task, and say whether the sample has that task's label.

    A sample without one of the masks has no label: a channel's filler would teach that nothing is there. Run it after
    ``MissingLabelsd``, which writes fillers and ``<key>_present``.

    Args:
        keys: of masks ``(1, H, W)`` on one grid, in the order of the channels.
        name: of the task; ``<name>`` becomes ``(len(keys), H, W)``, ``<name>_present`` 0-dim bool.
    """

    def __init__(self, keys: Sequence[str], name: str) -> None:
        super().__init__(keys, name)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with the task's label; the masks stay in it."""
        item: dict[Hashable, Any] = super().__call__(data)
        item[f"{self.name}_present"] = torch.stack([item[f"{key}_present"] for key in self.keys]).all()
        return item
