"""Keep the eye's side true when its photograph is mirrored."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform

from fundus_mtl.transforms._grid import plane_affine


class FlipLateralityd(MapTransform):
    """Swap ``R`` and ``L`` where the image's affine mirrors it (negative determinant).

    A mirrored right eye looks like a left one. Upside down is mirrored too (and turned by half a turn); mirrored
    twice is not.

    Args:
        keys: of the side; values other than ``R`` and ``L`` mean unknown and stay.
        ref_key: of the transformed image.
        allow_missing_keys: whether an item may lack a key.
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
