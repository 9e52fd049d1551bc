"""From a point in the file's pixels to the heatmap that a network learns."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from torch import Tensor

from fundus_mtl.transforms._grid import grid_size, to_network


class PointHeatmapd(MapTransform):
    r"""Draw each point as a Gaussian on the image's present grid, at its exact position between the pixels.

    With the centre c mapped through the image's affine, pixel p gets :math:`\exp(-\lVert p - c \rVert^2 / (2
    \sigma^2))`: 1 at c itself, so up to 0.5 % below 1 at the nearest pixel (at 256 px). MONAI's ``GenerateHeatmapd``
    rounds the centre to whole pixels, several px of the photograph. Run it after the geometry.

    The key becomes float32 ``(1, H, W)``; ``<key>_xy`` keeps the point ``(2,)`` in native px; ``<key>_present``
    (0-dim bool) is False, and the heatmap zero, for a NaN point or one that the geometry moved out of the frame.

    Args:
        keys: of points (x, y) ``(2,)`` in native px, as ``MissingLabelsd`` leaves them.
        ref_key: of the image, whose affine tells the geometry.
        sigma: of the Gaussian, as a fraction of the mean of the grid's height and width.
        allow_missing_keys: whether an item may lack a key.
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
        """Return the item with heatmaps in the place of points."""
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
    """Return float32 ``(1, H, W)`` of a Gaussian of ``sigma`` px around (row, col)."""
    rows, columns = (
        torch.exp(-((torch.arange(n, dtype=torch.float64) - c) ** 2) / (2 * sigma**2))
        for n, c in zip(size, centre, strict=True)
    )
    return torch.outer(rows, columns)[None].to(torch.float32)
