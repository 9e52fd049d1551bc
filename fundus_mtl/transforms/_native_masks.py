"""Bring predicted masks back to the photograph where they are: only the window that holds a structure is computed."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from fundus_mtl.biomarkers import bounds, largest_component
from fundus_mtl.transforms._invert import InvertBilineard, plain, recorded
from fundus_mtl.transforms._window_steps import HALF, Part, Step, steps_back


class NativeMasksd(InvertBilineard):
    """Map probabilities to the pixels of the file, cut them at one half, and keep the largest component of each channel.

    The result equals that of `InvertBilineard`, ``AsDiscreted(threshold=0.5)`` and ``KeepLargestConnectedComponentd`` bit
    for bit. A structure covers a small part of a photograph. A bilinear mean reaches one half only where one of its four
    values does, so that everything outside of a window around those values is zero. Other transforms than crops, padding
    with zeros, flips and one resize are inverted as a whole.

    Args:
        keys: Keys of probabilities ``(C, H, W)`` on the current grid of the image; they become uint8 ``(C, H, W)`` on the
            native grid.
        transform: Compose that transformed the image.
        orig_keys: Key of the transformed image.
        allow_missing_keys: Whether an item may lack a key.

    Raises:
        ValueError: if the image has no record of its transforms.
    """

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with masks on the native grid."""
        item = dict(data)
        for key, image_key in self.key_iterator(item, self.orig_keys):
            operations = recorded(item, image_key)
            steps = steps_back(operations)
            if steps is None:
                whole = super().__call__({key: item[key], image_key: item[image_key]})[key]
                item[key] = torch.stack([_mask(channel, ()) for channel in whole.as_tensor()])
            else:
                item[key] = torch.stack([_mask(channel, steps) for channel in plain(item[key])])
        return item


def _mask(probabilities: Tensor, steps: Sequence[Step]) -> Tensor:
    """Return the mask uint8 of one channel ``(h, w)`` after some steps."""
    part = Part(probabilities, 0, 0, (probabilities.shape[0], probabilities.shape[1]))
    for step in steps:
        part = step(part)
    mask = torch.zeros(part.size, dtype=torch.uint8)
    box = bounds((part.values >= HALF).numpy())
    if box is not None:
        found = largest_component((part.values[box] >= HALF).numpy())
        rows, columns = (
            slice(at + side.start, at + side.stop) for at, side in zip((part.top, part.left), box, strict=True)
        )
        mask[rows, columns] = torch.from_numpy(found)
    return mask
