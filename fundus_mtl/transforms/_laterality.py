"""Swap the side of the eye if its photograph is mirrored."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from fundus_mtl.transforms._grid import plane_affine


class FlipLateralityd(MapTransform):
    """Swap ``R`` and ``L`` if the affine of the image contains a reflection (negative determinant).

    A mirrored right eye looks like a left eye. A vertical flip is a reflection too (a mirror image turned by 180°). Two
    reflections cancel.

    Args:
        keys: Keys of the side; values other than ``R`` and ``L`` mean unknown and do not change.
        ref_key: Key of the transformed image.
        allow_missing_keys: Whether an item may lack a key.
    """

    def __init__(
        self, keys: KeysCollection = "laterality", ref_key: str = "image", allow_missing_keys: bool = False
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.ref_key = ref_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with the side that the transformed image shows."""
        item = dict(data)
        mirrored = bool(torch.linalg.det(plane_affine(item[self.ref_key])) < 0)
        for key in self.key_iterator(item):
            if mirrored and isinstance(item[key], str):
                item[key] = {"R": "L", "L": "R"}.get(item[key], item[key])
        return item
