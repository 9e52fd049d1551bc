"""Convert a point in pixels of the file to a heatmap, the training target of a network."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from torch import Tensor

from fundus_mtl.transforms._grid import grid_size, to_network


class PointHeatmapd(MapTransform):
    r"""Draw each point as a Gaussian on the current grid of the image, at its exact sub-pixel position.

    With the centre c mapped by the affine of the image, the value at pixel p is
    :math:`\exp(-\lVert p - c \rVert^2 / (2 \sigma^2))`: 1 at c itself, so up to 0.5 % below 1 at the nearest pixel (at
    256 px). MONAI's ``GenerateHeatmapd`` rounds the centre to whole pixels, which are several px of the photograph.
    Apply this transform after geometric transforms.

    The value of the key becomes float32 ``(1, H, W)``; ``<key>_xy`` keeps the point ``(2,)`` in native px. If the point
    is NaN or outside the transformed image, ``<key>_present`` (0-dim bool) is False and the heatmap is zero.

    Args:
        keys: Keys of points (x, y) ``(2,)`` in native px, as returned by ``MissingLabelsd``.
        ref_key: Key of the image whose affine is used.
        sigma: Standard deviation of the Gaussian, as a fraction of the mean of the grid's height and width.
        allow_missing_keys: Whether an item may lack a key.
    """

    def __init__(
        self,
        keys: KeysCollection,
        ref_key: str = "image",
        sigma: float = 7.07 / 256,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if sigma <= 0:
            raise ValueError(f"sigma: expected a positive fraction of the grid, but got {sigma}.")
        self.ref_key, self.sigma = ref_key, sigma

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with heatmaps instead of points."""
        item = dict(data)
        size = grid_size(item[self.ref_key])
        for key in self.key_iterator(item):
            point = torch.as_tensor(item[key], dtype=torch.float64)
            centre = to_network(point, item[self.ref_key])
            present = bool(((centre >= -0.5) & (centre < torch.tensor(size) - 0.5)).all())  # False for NaN too
            heatmap = _gaussian(centre, size, self.sigma * sum(size) / 2) if present else torch.zeros((1, *size))
            item.update({key: heatmap, f"{key}_xy": point, f"{key}_present": torch.tensor(present)})
        return item


def _gaussian(centre: Tensor, size: tuple[int, int], sigma: float) -> Tensor:
    """Return a Gaussian of ``sigma`` px around (row, col), float32 ``(1, H, W)``."""
    rows, columns = (
        torch.exp(-((torch.arange(n, dtype=torch.float64) - c) ** 2) / (2 * sigma**2))
        for n, c in zip(size, centre, strict=True)
    )
    return torch.outer(rows, columns)[None].to(torch.float32)
