"""Resize photographs of any size to one scale."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from monai.config import KeysCollection
from monai.transforms import Resized

from fundus_mtl.transforms._grid import grid_size


class ResizeLongestd(Resized):
    """Resize each image so that its longest side has a given length: by area if that reduces it, else bilinearly.

    MONAI's ``Resized(mode="area")`` repeats whole pixels when it enlarges, and ``mode="bilinear"`` skips pixels when it
    reduces. Photographs of several cameras need both. Masks become fractions from 0 to 1. ``Invertd`` maps results back.

    Args:
        keys: Keys of images ``(C, H, W)``; they become float32.
        size: Longest side of the result, px.
        allow_missing_keys: Whether an item may lack a key.

    Raises:
        ValueError: if ``size`` is below 1.

    Example:
        >>> item = ResizeLongestd(["image"], size=1280)({"image": torch.rand(3, 584, 565)})  # doctest: +SKIP
        >>> item["image"].shape  # doctest: +SKIP
        torch.Size([3, 1280, 1238])
    """

    def __init__(self, keys: KeysCollection, size: int, allow_missing_keys: bool = False) -> None:
        if size < 1:
            raise ValueError(f"ResizeLongestd: expected a size of at least 1 px, but got {size}.")
        super().__init__(keys, size, size_mode="longest", allow_missing_keys=allow_missing_keys)
        self.size = size

    def __call__(self, data: Mapping[Hashable, Any], lazy: bool | None = None) -> dict[Hashable, Any]:
        """Return the item with resized images."""
        item = dict(data)
        for key in self.key_iterator(item):
            mode = "area" if max(grid_size(item[key])) > self.size else "bilinear"
            item[key] = self.resizer(item[key], mode=mode, lazy=self.lazy if lazy is None else lazy)
        return item
