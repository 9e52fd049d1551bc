"""Add the key of every label to every item: the label, or a neutral filler, and a flag that distinguishes them."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Transform
from torch import Tensor

from fundus_mtl.labels import check_inside, structure
from fundus_mtl.transforms._grid import grid_size


class MissingLabelsd(Transform):
    """Normalise existing labels, fill in missing labels, and set ``<key>_present`` for each.

    Batches need the same keys in every sample. Losses and metrics use ``<key>_present`` (0-dim bool) to ignore fillers.
    Apply this transform right after loading, before any geometric transform.

    Args:
        masks: Keys of loaded masks ``(1, H, W)`` of 0 and one other value; they become uint8 {0, 1} (nonzero is 1); the
            filler is all 0.
        points: Keys of points (x, y) in native px; they become ``(2,)`` float64; the filler is NaN. None and NaN mean
            missing.
        numbers: Keys of scalars; they become ``(1,)`` float32; the filler is 0. None and NaN mean missing.
        ref_key: Key of the loaded image, which defines size and metadata of the fillers of masks.
        largest: Largest share of the photograph that a mask may cover; 1 for structures that may fill it.

    Raises:
        ValueError: if a mask has several channels or another size than the image, more values than background and
            structure, or covers more than ``largest``; if a point does not have two coordinates, or is outside the image.
    """

    def __init__(
        self,
        masks: Sequence[str] = (),
        points: Sequence[str] = (),
        numbers: Sequence[str] = (),
        ref_key: str = "image",
        largest: float = 0.5,
    ) -> None:
        self.largest = largest
        self.masks, self.points, self.numbers, self.ref_key = tuple(masks), tuple(points), tuple(numbers), ref_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with every listed key and its flag."""
        item = dict(data)
        for key in self.masks:
            self._set(
                item, key, None if item.get(key) is None else self._mask(item, key), self._blank(item[self.ref_key])
            )
        for key in self.points:
            self._set(
                item, key, _point(item, key, item[self.ref_key]), torch.full((2,), torch.nan, dtype=torch.float64)
            )
        for key in self.numbers:
            number = _number(item.get(key))
            self._set(item, key, None if number is None else torch.tensor([number]), torch.zeros(1))
        return item

    @staticmethod
    def _set(item: dict[Hashable, Any], key: str, label: Tensor | None, filler: Tensor) -> None:
        item[key] = filler if label is None else label
        item[f"{key}_present"] = torch.tensor(label is not None)

    def _mask(self, item: Mapping[Hashable, Any], key: str) -> Tensor:
        mask = item[key]
        expected, got = (1, *grid_size(item[self.ref_key])), tuple(mask.shape)
        if got != expected:
            raise ValueError(
                f"{_name(item)}: expected {key} of {_size(expected)} like the image, but got {_size(got)}; "
                "create the mask at the size of the photograph."
            )
        structure(np.asarray(mask)[0], _name(item), key, self.largest)
        return (mask != 0).to(torch.uint8)

    @staticmethod
    def _blank(image: Tensor) -> Tensor:
        filler = torch.zeros((1, *grid_size(image)), dtype=torch.uint8)
        return MetaTensor(filler, meta=_own_copy(image.meta)) if isinstance(image, MetaTensor) else filler


def _own_copy(meta: Mapping[str, Any]) -> dict[str, Any]:
    # Transforms modify the dictionary and arrays in it, so the filler must not share them with the image.
    return {key: value.copy() if isinstance(value, np.ndarray) else value for key, value in meta.items()}


def _point(item: Mapping[Hashable, Any], key: str, image: Tensor) -> Tensor | None:
    value = item.get(key)
    if value is None:
        return None
    point = torch.as_tensor([math.nan if part is None else float(part) for part in value], dtype=torch.float64)
    if point.shape != (2,):
        raise ValueError(f"{_name(item)}: expected {key} as (x, y), but got {len(point)} coordinates.")
    if point.isnan().any():
        return None
    check_inside(point.tolist(), _name(item), key, grid_size(image)[::-1])
    return point


def _number(value: Any) -> float | None:
    return None if value is None or math.isnan(float(value)) else float(value)


def _name(item: Mapping[Hashable, Any]) -> str:
    return str(item.get("id", "an item without id"))


def _size(shape: Sequence[int]) -> str:
    channels, *spatial = shape
    return "x".join(map(str, reversed(spatial))) + f" px and {channels} channel{'s' if channels != 1 else ''}"
