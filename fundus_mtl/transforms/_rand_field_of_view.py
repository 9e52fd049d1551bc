"""Cut a smaller field of view out of a photograph, so that one camera's photographs resemble those of others."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform, SpatialCrop
from numpy.typing import NDArray

from fundus_mtl.transforms._grid import grid_size, to_network


class RandFieldOfViewd(RandomizableTransform, MapTransform):
    """Cut a random box around a point near the disc out of image and masks, with a round, black surround in it.

    A disc-centred photograph of 30 degrees is a part of one of 50 degrees. The box's centre is drawn around the disc's,
    or around the middle of the image if the disc's mask is empty; the box stays inside the image. What lies outside of a
    circle around the box's centre becomes zero. The affine is updated. Resize the result: boxes differ in size.

    Args:
        keys: Keys of images and masks ``(C, H, W)`` on one grid.
        source_key: Key of the disc's mask; values above 0.5 are inside.
        point_keys: Keys of points (x, y) in native px; a point that is cut off becomes NaN, a missing label.
        width: Smallest and largest width of the box, as shares of the image's shorter side.
        aspect: Smallest and largest height of the box, as shares of its width.
        circle: Smallest and largest diameter of the circle, as shares of the box's width. At 1 the circle touches both
            sides; from the square root of 2 it blackens nothing.
        shift: Largest distance of the box's centre from the disc's centre, as a share of the box's width.
        prob: Share of the items that are cut.
        allow_missing_keys: Whether an item may lack a key.

    Raises:
        ValueError: if a range is empty or out of bounds, or an image has another grid than the disc.
    """

    def __init__(
        self,
        keys: KeysCollection,
        source_key: str = "disc",
        point_keys: Sequence[str] = (),
        width: Sequence[float] = (0.55, 1.0),
        aspect: Sequence[float] = (0.7, 1.0),
        circle: Sequence[float] = (1.0, 1.4),
        shift: float = 0.25,
        prob: float = 0.5,
        allow_missing_keys: bool = False,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)
        for name, given, most in (("width", width, 1.0), ("aspect", aspect, 1.0), ("circle", circle, math.inf)):
            if len(given) != 2 or not 0 < given[0] <= given[1] <= most:
                raise ValueError(
                    f"RandFieldOfViewd: expected two ascending shares above 0 and up to {most:g}, but got {list(given)}; "
                    f"correct {name}."
                )
        self.source_key, self.point_keys = source_key, tuple(point_keys)
        self.width, self.aspect, self.circle, self.shift = tuple(width), tuple(aspect), tuple(circle), shift

    def randomize(self, data: Any = None) -> None:
        """Draw whether the next item is cut, and the box and circle if it is."""
        super().randomize(None)
        if self._do_transform:
            self._width, self._aspect, self._circle = (
                self.R.uniform(*given) for given in (self.width, self.aspect, self.circle)
            )
            angle, reach = self.R.uniform(0, 2 * math.pi), self.shift * math.sqrt(self.R.uniform())
            self._away = np.array([math.sin(angle), math.cos(angle)]) * reach

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with a smaller field of view."""
        item = dict(data)
        self.randomize()
        if not self._do_transform:
            return item
        size = grid_size(item[self.source_key])
        for key in self.key_iterator(item):
            if (got := grid_size(item[key])) != size:
                raise ValueError(
                    f"RandFieldOfViewd: expected {key} of {size} rows and columns like {self.source_key}, but got {got}; "
                    "crop and resize all keys alike first."
                )
        start, stop = self._box(np.asarray(item[self.source_key])[0] > 0.5)
        seen = self._seen(stop - start)
        points = {key: _visible(item[key], item[self.source_key], start, seen) for key in self.point_keys}
        cropper = SpatialCrop(roi_start=start.tolist(), roi_end=stop.tolist())
        for key in self.key_iterator(item):
            item[key] = cropper(item[key])
            item[key] = item[key] * torch.from_numpy(seen).to(item[key].dtype)
        return item | points

    def _box(self, disc: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return first and last + 1 row and column of the box."""
        frame = np.array(disc.shape)
        width = self._width * frame.min()
        extent = np.maximum(np.rint([width * self._aspect, width]), 1).astype(np.int64)
        rows, columns = np.nonzero(disc)
        middle = np.array([rows.mean(), columns.mean()]) if len(rows) else (frame - 1) / 2
        start = np.rint(middle + self._away * width - (extent - 1) / 2).astype(np.int64).clip(0, frame - extent)
        return start, start + extent

    def _seen(self, extent: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which pixels of the box lie inside the circle."""
        rows, columns = (np.arange(n) - (n - 1) / 2 for n in extent)
        inside: NDArray[np.bool_] = np.hypot(rows[:, None], columns) <= self._circle * extent[1] / 2
        return inside


def _visible(point: Any, image: Any, start: NDArray[np.int64], seen: NDArray[np.bool_]) -> Any:
    """Return the point if it lies on a pixel that is seen, and NaN otherwise."""
    xy = torch.as_tensor(point, dtype=torch.float64)
    place = to_network(xy, image).numpy() - start
    if np.isfinite(place).all():
        row, column = np.rint(place).astype(np.int64)
        if 0 <= row < seen.shape[0] and 0 <= column < seen.shape[1] and seen[row, column]:
            return point
    return torch.full((2,), torch.nan, dtype=torch.float64)
