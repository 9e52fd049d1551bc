"""Reduce photographs by area as MONAI's ``Resized`` does, bit for bit, in half of the time and a quarter of the memory.

``torch.nn.functional.interpolate(mode="area")`` needs a float copy of the photograph. The mean of a rectangle of bytes also
follows from four values of an integral image, in whole numbers. As long as the sum of a rectangle is below 2**24, torch's
sum in float32 is exact too, so that both give the same number.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Resize
from numpy.typing import NDArray
from torch import Tensor

_EXACT = 2**24  # whole numbers below it are exact in float32


class FastResize(Resize):
    """MONAI's ``Resize``, faster for bytes that are reduced by area; the result and its record for the inverse are equal.

    Args:
        *args: Arguments of ``Resize``.
        **kwargs: Arguments of ``Resize``.
    """

    def __call__(self, img: Tensor, mode: str | None = None, *args: Any, **kwargs: Any) -> Tensor:
        """Return the resized image ``(C, h, w)`` in float32."""
        if (
            (mode or self.mode) != "area"
            or not isinstance(img, MetaTensor)
            or img.dtype != torch.uint8
            or img.ndim != 3
        ):
            return super().__call__(img, mode, *args, **kwargs)
        shadow = torch.empty(img.shape, dtype=img.dtype, device="meta")  # has a shape and no memory
        record = super().__call__(MetaTensor(shadow).copy_meta_from(img), mode, *args, **kwargs)
        means = area_means(img.numpy(force=True), tuple(record.shape[1:])) if record.dtype == torch.float32 else None
        if means is None or record.pending_operations:
            return super().__call__(img, mode, *args, **kwargs)
        return MetaTensor(torch.from_numpy(means)).copy_meta_from(record)


def area_means(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.float32] | None:
    """Return the means of the rectangles that ``interpolate(mode="area")`` averages.

    Args:
        pixels: ``(C, H, W)``.
        size: Rows and columns of the result.

    Returns:
        ``(C, *size)``; None if rectangles are so large that torch's own sums may be inexact.
    """
    (top, bottom), (left, right) = (_edges(old, new) for old, new in zip(pixels.shape[1:], size, strict=True))
    height, width = bottom - top, right - left
    if 255 * int(height.max()) * int(width.max()) >= _EXACT:
        return None
    means = np.empty((len(pixels), *size), np.float32)
    for plane, mean in zip(pixels, means, strict=True):
        sums = cv2.integral(plane)  # int32, which may wrap around: differences are still right
        rows = sums[bottom] - sums[top]
        mean[:] = rows[:, right] - rows[:, left]
    # Two divisions, as torch has them: one would round differently.
    means /= height[:, None].astype(np.float32)
    means /= width.astype(np.float32)
    return means


def _edges(old: int, new: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first index and the one after the last of each rectangle along an axis, which may overlap by one."""
    index = np.arange(new)
    return index * old // new, -(-(index + 1) * old // new)
