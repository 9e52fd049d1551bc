"""Crop a window of native pixels around the optic disc."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.transforms import CropForeground
from monai.transforms.croppad.dictionary import Cropd
from numpy.typing import NDArray

from fundus_mtl.biomarkers import bounds
from fundus_mtl.transforms._grid import grid_size


class CropDiscd(Cropd):
    """Crop ``size`` x ``size`` px around the disc; pixels outside the photograph are zero.

    The centre is the centroid of the mask, not the centre of its bounding box, so that a few stray pixels of a
    predicted mask move it by only a few px. The affine is updated, and ``Invertd`` maps results back. The transform is
    not random, so that ``CacheDataset`` caches the small windows instead of whole photographs. For random windows, crop
    a larger window here and a random part of it (``RandSpatialCropd``) afterwards.

    Args:
        keys: Keys of the images and masks to crop, all on the grid of ``source_key``.
        source_key: Key of the disc mask ``(1, H, W)``, nonzero inside: the label in training, an earlier prediction in
            inference.
        size: Side of the window, px of the current grid.
        diameters: Side of the window in disc diameters (of a circle with the area of the mask), instead of ``size``;
            for cameras of different resolution. Optional.
        allow_missing_keys: Whether an item may lack a key.
        lazy: Whether to execute lazily.

    Raises:
        ValueError: if the mask is empty or has another size than the image, ``size`` is below 1, or ``diameters`` is
            not positive.
    """

    def __init__(
        self,
        keys: KeysCollection,
        source_key: str = "disc",
        size: int = 512,
        diameters: float | None = None,
        allow_missing_keys: bool = False,
        lazy: bool = False,
    ) -> None:
        if size < 1:
            raise ValueError(f"CropDiscd: expected a size of at least 1 px, but got {size}.")
        if diameters is not None and diameters <= 0:
            raise ValueError(f"CropDiscd: expected a positive number of disc diameters, but got {diameters}.")
        super().__init__(keys, cropper=CropForeground(lazy=lazy), allow_missing_keys=allow_missing_keys, lazy=lazy)
        self.source_key, self.size, self.diameters = source_key, size, diameters

    @property
    def requires_current_data(self) -> bool:
        """Whether pending lazy transforms must be applied first; true, because the mask is read."""
        return True

    def __call__(self, data: Mapping[Hashable, Any], lazy: bool | None = None) -> dict[Hashable, Any]:
        """Return the item with cropped images and masks."""
        item = dict(data)
        centre = _centroid(item[self.source_key], f"{item.get('id', 'an item without id')}: {self.source_key}")
        size = self.size if self.diameters is None else _side(item[self.source_key], self.diameters)
        start = np.floor(centre - (size - 1) / 2 + 0.5).astype(np.int64)
        for key in self.key_iterator(item):
            self._check_grid(item, key)
        lazily = self.lazy if lazy is None else lazy
        for key in self.key_iterator(item):
            item[key] = self.cropper.crop_pad(item[key], start, start + size, lazy=lazily)
        return item

    def _check_grid(self, item: Mapping[Hashable, Any], key: Hashable) -> None:
        expected, got = grid_size(item[self.source_key]), grid_size(item[key])
        if got != expected:
            raise ValueError(
                f"expected {key} of {expected} rows and columns like {self.source_key}, but got {got}; crop earlier."
            )


def _centroid(mask: Any, name: str) -> NDArray[np.float64]:
    """Return (row, col) of the mean of the nonzero pixels, px."""
    inside = np.asarray(mask)[0] != 0
    box = bounds(inside)
    if box is None:
        raise ValueError(f"{name}: expected a mask of the disc, but got an empty mask; leave the item out.")
    rows, columns = np.nonzero(inside[box])
    total = len(rows)  # whole sums: the centre does not depend on the window's place by a rounding error
    return np.array(
        [(part.sum() + total * side.start) / total for part, side in zip((rows, columns), box, strict=True)]
    )


def _side(mask: Any, diameters: float) -> int:
    """Return the side of a window of so many diameters of the disc, px.

    A window has at most four times the area of the image: a false disc may cover all of it.
    """
    height, width = grid_size(mask)
    return max(1, min(round(diameters * _diameter(mask)), int(2 * np.sqrt(height * width))))


def _diameter(mask: Any) -> float:
    """Return the diameter of a circle with the area of the mask, px."""
    return float(2 * np.sqrt(np.count_nonzero(np.asarray(mask)) / np.pi))
