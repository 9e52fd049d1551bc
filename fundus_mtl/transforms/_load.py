"""Load files with exactly one reader, without MONAI's fallback readers."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import ImageReader, MetaTensor
from monai.transforms import MapTransform
from monai.utils import MetaKeys
from numpy.typing import NDArray


class LoadFundusd(MapTransform):
    """Load the file of each key; take the pixels of a photograph in memory as they are.

    If the given reader raises, MONAI's ``LoadImaged`` tries its default readers, which transpose images. This transform
    raises the error of the given reader instead.

    Args:
        keys: Keys whose values are paths, or arrays or tensors uint8 ``(H, W, C)``. Each becomes a MetaTensor uint8
            ``(C, H, W)`` with the reader's metadata (identity affine; ``filename_or_obj`` of a file).
        reader: Reader object, for example ``fundus_mtl.photographs.FundusReader``.
        allow_missing_keys: Whether an item may lack a key, for example a missing label.
        pixels_key: Key under which the pixels ``(H, W, C)`` of the first key are kept, for what needs them later; None
            for none.

    Raises:
        TypeError: if the reader is a name or a class instead of an object.
        ValueError: on a call, if an array or a tensor is of another kind or shape.

    Example:
        >>> load = LoadFundusd(["disc"], FundusReader(mode="mask"), allow_missing_keys=True)  # doctest: +SKIP
    """

    def __init__(
        self, keys: KeysCollection, reader: ImageReader, allow_missing_keys: bool = False, pixels_key: str | None = None
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if not isinstance(reader, ImageReader):
            raise TypeError(
                f"reader: expected a reader object, but got {reader!r}; use _target_: fundus_mtl.photographs.FundusReader."
            )
        self.reader, self.pixels_key = reader, pixels_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with images instead of paths."""
        item = dict(data)
        for key in self.key_iterator(item):
            pixels, meta = self._read(item[key])
            if self.pixels_key is not None and key == self.keys[0]:
                item[self.pixels_key] = np.moveaxis(pixels, 0, -1)
            # MONAI's transforms are slow where the channels of a pixel lie side by side.
            item[key] = MetaTensor(torch.from_numpy(np.ascontiguousarray(pixels)), meta=meta)
        return item

    def _read(self, source: Any) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        if not isinstance(source, np.ndarray | torch.Tensor):
            return self.reader.get_data(self.reader.read(source))
        array = source.numpy(force=True) if isinstance(source, torch.Tensor) else source
        if array.dtype != np.uint8 or array.ndim != 3:
            raise ValueError(f"expected pixels uint8 of shape (H, W, C), but got {array.dtype} {array.shape}.")
        pixels = np.moveaxis(array, -1, 0)
        shape = np.asarray(pixels.shape[1:])
        meta = {MetaKeys.SPATIAL_SHAPE: shape, MetaKeys.AFFINE: np.eye(4), MetaKeys.ORIGINAL_AFFINE: np.eye(4)}
        return pixels, {str(key): value for key, value in (meta | {MetaKeys.ORIGINAL_CHANNEL_DIM: 0}).items()}
