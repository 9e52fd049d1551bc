"""Convert a predicted heatmap to a point in pixels of the file."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from torch import Tensor

from fundus_mtl.transforms._grid import grid_size, to_native

_STEPS = 10


class HeatmapPointd(MapTransform):
    """Find the point that each heatmap shows, and map it to native px with the affine of the image.

    The algorithm starts at the highest pixel, computes the centre of mass of a square window around it, moves the
    window there, and repeats until the window does not move (at most ten times). A second peak outside the window has
    no effect, and a flat peak gives its centre. At the edge of the image the window shrinks symmetrically. On a
    Gaussian of the given sigma the error is below 0.05 px of the grid; it grows to 0.5 px for a point within half a
    pixel of the edge.

    The value of the key becomes (x, y) ``(2,)`` float64, NaN for a map without a positive value or with NaN.
    ``<key>_peak`` is the highest value (0-dim float64, no unit), NaN in the same cases.

    Args:
        keys: Keys of heatmaps ``(1, H, W)``, 0..1, on the current grid of the image.
        ref_key: Key of the transformed image.
        sigma: Standard deviation of the learned Gaussian, as a fraction of the mean of the grid's height and width.
        window: Half the side of the window in sigmas; None for the centre of mass of the whole map, as in the MTL-IO
            paper.
        allow_missing_keys: Whether an item may lack a key.
    """

    def __init__(
        self,
        keys: KeysCollection,
        ref_key: str = "image",
        sigma: float = 7.07 / 256,
        window: float | None = 2.5,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if sigma <= 0 or (window is not None and window <= 0):
            raise ValueError(f"expected positive sigma and window (or None), but got {sigma} and {window}.")
        self.ref_key, self.sigma, self.window = ref_key, sigma, window

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with points instead of heatmaps."""
        item = dict(data)
        size = grid_size(item[self.ref_key])
        for key in self.key_iterator(item):
            heatmap = torch.as_tensor(item[key]).detach().as_subclass(Tensor).to("cpu", torch.float64)
            if heatmap.shape != (1, *size):
                expected = (1, *size)
                raise ValueError(
                    f"{key}: expected shape {expected} like {self.ref_key}, but got {tuple(heatmap.shape)}."
                )
            found = self._find(heatmap[0])
            item[key] = (
                torch.full((2,), torch.nan, dtype=torch.float64)
                if found is None
                else to_native(found, item[self.ref_key])
            )
            item[f"{key}_peak"] = heatmap.max() if found is not None else torch.tensor(torch.nan, dtype=torch.float64)
        return item

    def _find(self, heatmap: Tensor) -> Tensor | None:
        """Return (row, col) ``(2,)`` of the point in a map ``(H, W)``, or None."""
        height, width = heatmap.shape
        if not bool(heatmap.max() > 0):  # false for NaN too
            return None
        if self.window is None:
            return _centre_of_mass(heatmap)
        radius = max(1, round(self.window * self.sigma * (height + width) / 2))
        row, column = divmod(int(heatmap.argmax()), width)
        for _ in range(_STEPS):
            down, right = min(radius, row, height - 1 - row), min(radius, column, width - 1 - column)
            patch = heatmap[row - down : row + down + 1, column - right : column + right + 1]
            found = _centre_of_mass(patch) + torch.tensor([row - down, column - right])
            if (moved := tuple(int(part) for part in found.round())) == (row, column):
                break
            row, column = moved
        return found


def _centre_of_mass(patch: Tensor) -> Tensor:
    """Return (row, col) ``(2,)`` of the mean position, weighted by the patch's positive values."""
    weights = patch.clamp(min=0)
    rows, columns = (torch.arange(n, dtype=torch.float64) for n in patch.shape)
    return torch.stack([weights.sum(dim=1) @ rows, weights.sum(dim=0) @ columns]) / weights.sum()
