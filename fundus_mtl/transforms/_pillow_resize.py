"""Resize photographs with Pillow's bilinear filter, as torchvision resizes a Pillow image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import Resize, Resized
from PIL import Image
from torch import Tensor


class PillowResized(Resized):
    """Resize bytes with Pillow's bilinear filter; other modes are those of MONAI's ``Resized``.

    When it reduces, Pillow's filter averages over a triangle that is twice as wide as the step between output pixels,
    and rounds to whole numbers. ``Invertd`` maps results back as for ``Resized``.

    Args:
        keys: Keys of uint8 images ``(C, H, W)``, C = 1 or 3; they become float32.
        spatial_size: Rows and columns of the result.
        mode: ``bilinear`` for Pillow's filter, or a mode of ``Resized``; one per key or one for all.
        allow_missing_keys: Whether an item may lack a key.

    Raises:
        ValueError: if an image to resize by Pillow is not uint8 with one or three channels.
    """

    def __init__(
        self,
        keys: KeysCollection,
        spatial_size: Sequence[int],
        mode: str | Sequence[str] = "bilinear",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, spatial_size, mode=mode, allow_missing_keys=allow_missing_keys)
        self.resizer = PillowResize(spatial_size=spatial_size)


class PillowResize(Resize):
    """See ``PillowResized``."""

    def __call__(self, img: Tensor, mode: str | None = None, *args: Any, **kwargs: Any) -> Tensor:
        """Return the resized image ``(C, h, w)`` in float32."""
        if (mode or self.mode) != "bilinear":
            return super().__call__(img, mode, *args, **kwargs)
        if img.dtype != torch.uint8 or img.ndim != 3 or img.shape[0] not in (1, 3):
            raise ValueError(
                f"PillowResize: expected uint8 (C, H, W) with one or three channels, but got {img.dtype} "
                f"{tuple(img.shape)}; resize before values are scaled."
            )
        shadow = MetaTensor(torch.empty(img.shape, dtype=img.dtype, device="meta"))  # has a shape and no memory
        if isinstance(img, MetaTensor):
            shadow.copy_meta_from(img)
        record = super().__call__(shadow, mode, *args, **kwargs)
        pixels = np.moveaxis(img.numpy(force=True), 0, -1)
        given = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
        height, width = record.shape[1:]
        resized = np.asarray(given.resize((width, height), Image.Resampling.BILINEAR), dtype=np.float32)
        planes = resized[None] if resized.ndim == 2 else np.moveaxis(resized, -1, 0)
        return MetaTensor(torch.from_numpy(np.ascontiguousarray(planes))).copy_meta_from(record)
