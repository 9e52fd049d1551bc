"""Give the optic cup another size inside its disc, to train on ratios that a data set has too few of."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from numpy.typing import NDArray
from torch import Tensor

from fundus_mtl.transforms._grid import grid_size

_ANGLES = 256  # rays from the cup's centre on which the disc's edge is looked up


class RandCupSized(RandomizableTransform, MapTransform):
    r"""Enlarge or shrink the cup inside its disc: a radial warp of image and masks that leaves the disc's edge in place.

    On the ray from the cup's centre to the disc's edge at distance D, the pixel at the distance :math:`r = sD` takes the
    value from :math:`s_0 D` with :math:`\frac{s}{1-s} = k \frac{s_0}{1-s_0}`. The map is smooth and increasing, and it is
    the identity at the centre and outside the disc. A cup's edge at the share q of the ray moves to the share with k
    times the odds of q. The factor k makes the vertical cup-to-disc ratio of the masks a ratio drawn uniformly from
    ``ratios``: exactly so for a cup whose vertical extent is centred in the disc, nearly so for others.

    Items with an empty disc or cup, or a disc that does not contain the cup's centre, stay as they are. Points and other
    labels inside the disc are not moved.

    Args:
        keys: Keys of images and masks ``(C, H, W)`` on one grid; all are interpolated bilinearly and become float32.
        disc_key: Key of the disc mask, cup included; values above 0.5 are inside.
        cup_key: Key of the cup mask.
        ratios: Smallest and largest vertical cup-to-disc ratio to draw, above 0 and below 1.
        strongest: Largest k; the smallest is its inverse. k is the magnification of the image at the cup's centre.
        prob: Share of the items that are warped.
        allow_missing_keys: Whether an item may lack a key.

    Raises:
        ValueError: if the ratios or ``strongest`` are out of range, or an image has another grid than the disc.
    """

    def __init__(
        self,
        keys: KeysCollection,
        disc_key: str = "disc",
        cup_key: str = "cup",
        ratios: Sequence[float] = (0.3, 0.95),
        strongest: float = 6.0,
        prob: float = 0.5,
        allow_missing_keys: bool = False,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)
        if len(ratios) != 2 or not 0 < ratios[0] <= ratios[1] < 1:
            raise ValueError(
                f"RandCupSized: expected two ascending ratios between 0 and 1, but got {list(ratios)}; correct ratios."
            )
        if strongest < 1:
            raise ValueError(f"RandCupSized: expected strongest of at least 1, but got {strongest}; 1 warps nothing.")
        self.disc_key, self.cup_key, self.ratios = disc_key, cup_key, (float(ratios[0]), float(ratios[1]))
        self.strongest = float(strongest)

    def randomize(self, data: Any = None) -> None:
        """Draw whether the next item is warped, and to which ratio."""
        super().randomize(None)
        self._ratio = self.R.uniform(*self.ratios)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with a cup of another size."""
        item = dict(data)
        self.randomize()
        if not self._do_transform:
            return item
        disc, cup = (np.asarray(item[key])[0] > 0.5 for key in (self.disc_key, self.cup_key))
        if not disc.any() or not cup.any():
            return item
        ratio = _extent(cup) / _extent(disc)
        odds = _odds(self._ratio) / _odds(min(max(ratio, 0.01), 0.99))
        self._warp(item, disc, _centroid(cup), float(np.clip(odds, 1 / self.strongest, self.strongest)))
        return item

    def _warp(
        self, item: dict[Hashable, Any], disc: NDArray[np.bool_], centre: tuple[float, float], odds: float
    ) -> None:
        edge = _edge(disc, centre)
        if odds == 1 or edge.min() < 1:
            return
        grid = _grid(disc.shape, centre, edge, odds)
        for key in self.key_iterator(item):
            if (got := grid_size(item[key])) != disc.shape:
                raise ValueError(
                    f"RandCupSized: expected {key} of {disc.shape} rows and columns like {self.disc_key}, but got {got}; "
                    "crop and resize all keys alike first."
                )
            item[key] = F.grid_sample(
                item[key][None].float(), grid, mode="bilinear", padding_mode="border", align_corners=False
            )[0]


def _extent(mask: NDArray[np.bool_]) -> int:
    """Return the number of rows from the first to the last of a mask, px."""
    rows = np.flatnonzero(mask.any(axis=1))
    return int(rows[-1] - rows[0] + 1)


def _odds(share: float) -> float:
    return share / (1 - share)


def _centroid(mask: NDArray[np.bool_]) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float(rows.mean()), float(columns.mean())


def _edge(disc: NDArray[np.bool_], centre: tuple[float, float]) -> NDArray[np.float64]:
    """Return the distance from the centre to the disc's edge on each ray, px; below 0 if the centre is outside."""
    angles = np.arange(_ANGLES) * 2 * math.pi / _ANGLES
    radii = np.arange(0, math.hypot(*disc.shape) + 2, 0.5)
    rows = np.rint(centre[0] + np.outer(np.sin(angles), radii)).astype(np.int64)
    columns = np.rint(centre[1] + np.outer(np.cos(angles), radii)).astype(np.int64)
    height, width = disc.shape
    framed = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    inside = framed & disc[rows.clip(0, height - 1), columns.clip(0, width - 1)]
    return (inside.argmin(axis=1) - 1) * 0.5  # of the last place inside; every ray ends outside the frame


def _grid(shape: tuple[int, ...], centre: tuple[float, float], edge: NDArray[np.float64], odds: float) -> Tensor:
    """Return where each pixel takes its value from, for ``grid_sample``: ``(1, H, W, 2)``, x and y."""
    height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float64) - np.array(centre)[:, None, None]
    turn = np.arctan2(y, x) / (2 * math.pi) * _ANGLES
    reach = np.interp(turn, np.arange(_ANGLES), edge, period=_ANGLES)
    share = np.hypot(y, x) / reach
    scale = np.where(share < 1, 1 / (odds + (1 - odds) * share.clip(max=1)), 1.0)
    rows, columns = centre[0] + y * scale, centre[1] + x * scale
    normal = np.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], axis=-1)
    return torch.from_numpy(normal[None].astype(np.float32))
