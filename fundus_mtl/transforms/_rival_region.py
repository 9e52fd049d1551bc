"""Whether a mask has a second region nearly as large as the first, before all but the largest are dropped."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.transforms import MapTransform

RIVAL = "rival"  # prefix of the keys that are added


class RivalRegiond(MapTransform):
    """Write ``rival_<key>``: area of the second largest region over that of the largest one, 0 to 1.

    Regions are 8-connected pixels of at least the threshold. It is 0 if there is one region or none.

    Args:
        keys: Keys of probability maps ``(1, H, W)``.
        threshold: Smallest probability inside.
        allow_missing_keys: Whether an item may lack a key.
    """

    def __init__(self, keys: KeysCollection, threshold: float = 0.5, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.threshold = threshold

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with the shares in addition."""
        item = dict(data)
        for key in self.key_iterator(item):
            item[f"{RIVAL}_{key}"] = _share(item[key][0] >= self.threshold)
        return item


def _share(mask: Any) -> float:
    import cv2

    inside = np.asarray(mask.cpu() if hasattr(mask, "cpu") else mask).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=8)
    areas = np.sort(stats[1:, cv2.CC_STAT_AREA])
    return float(areas[-2] / areas[-1]) if len(areas) > 1 else 0.0
