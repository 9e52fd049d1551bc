"""Load files with exactly one reader, without MONAI's fallback readers."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import ImageReader, MetaTensor
from monai.transforms import MapTransform


class LoadFundusd(MapTransform):
    """Load the file of each key.

    If the given reader raises, MONAI's ``LoadImaged`` tries its default readers, which transpose images. This transform
    raises the error of the given reader instead.

    Args:
        keys: Keys whose values are paths; each becomes a MetaTensor uint8 ``(C, H, W)`` with the reader's metadata
            (identity affine, ``filename_or_obj``).
        reader: Reader object, for example ``fundus_mtl.photographs.FundusReader``.
        allow_missing_keys: Whether an item may lack a key, for example a missing label.

    Raises:
        TypeError: if the reader is a name or a class instead of an object.

    Example:
        >>> load = LoadFundusd(["disc"], FundusReader(mode="mask"), allow_missing_keys=True)  # doctest: +SKIP
    """

    def __init__(self, keys: KeysCollection, reader: ImageReader, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        if not isinstance(reader, ImageReader):
            raise TypeError(
                f"reader: expected a reader object, but got {reader!r}; use _target_: fundus_mtl.photographs.FundusReader."
            )
        self.reader = reader

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with images instead of paths."""
        item = dict(data)
        for key in self.key_iterator(item):
            pixels, meta = self.reader.get_data(self.reader.read(item[key]))
            item[key] = MetaTensor(torch.as_tensor(pixels), meta=meta)
        return item
