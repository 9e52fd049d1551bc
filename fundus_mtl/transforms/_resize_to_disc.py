"""Resize photographs so that the eye has one scale, whatever the camera's field of view."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from copy import copy
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection

from fundus_mtl.transforms._grid import grid_size
from fundus_mtl.transforms._resize_longest import ResizeLongestd


class ResizeToDiscd(ResizeLongestd):
    """Resize each image so that the optic disc has a given diameter, where one was found.

    A camera with a field of view of 30 degrees shows vessels twice as wide, relative to its field, as one of 60 degrees. The
    disc is a known length on every photograph. Where no disc was found, and as far as the limits allow no other scale, the
    image is resized by its longest side as in `ResizeLongestd`. ``Invertd`` maps results back.

    Args:
        keys: Keys of images ``(C, H, W)``, which may be cropped but not resized; they become float32.
        size: Longest side of the result where no disc was found, px.
        disc: Diameter of the disc in the result, px; None to use ``size`` always.
        source_key: Key of the mask of the disc ``(1, H, W)``, on the pixels of the photograph; an item may lack it.
        limits: Smallest and largest longest side of the result, px.
        allow_missing_keys: Whether an item may lack a key.

    Raises:
        ValueError: if ``size`` is below 1, ``disc`` is not positive, or the limits are not ascending.
    """

    def __init__(
        self,
        keys: KeysCollection,
        size: int,
        disc: float | None = None,
        source_key: str = "pred_disc",
        limits: tuple[int, int] = (512, 1600),
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, size, allow_missing_keys)
        if disc is not None and disc <= 0:
            raise ValueError(f"ResizeToDiscd: expected a positive diameter of the disc, but got {disc}.")
        if not 1 <= limits[0] <= limits[1]:
            raise ValueError(f"ResizeToDiscd: expected two ascending limits, but got {list(limits)}.")
        self.disc, self.source_key, self.limits = disc, source_key, limits

    def __call__(self, data: Mapping[Hashable, Any], lazy: bool | None = None) -> dict[Hashable, Any]:
        """Return the item with resized images."""
        item = dict(data)
        scale = self._scale(item.get(self.source_key))
        for key in self.key_iterator(item):
            longest = max(grid_size(item[key]))
            resizer = copy(self.resizer)
            resizer.spatial_size = self.size if scale is None else int(np.clip(round(longest * scale), *self.limits))
            mode = "area" if longest > resizer.spatial_size else "bilinear"
            item[key] = resizer(item[key], mode=mode, lazy=self.lazy if lazy is None else lazy)
        return item

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with images of the size that they had."""
        item = dict(data)
        for key in self.key_iterator(item):
            record = self.resizer.pop_transform(item[key], check=False)  # made by a copy of the resizer
            item[key] = self.resizer.inverse_transform(item[key], record)
        return item

    def _scale(self, mask: Any) -> float | None:
        """Return how much larger the image is to be; None if it is not known."""
        if self.disc is None or mask is None or not (area := int(torch.as_tensor(mask).count_nonzero())):
            return None
        return float(self.disc / (2 * np.sqrt(area / np.pi)))
