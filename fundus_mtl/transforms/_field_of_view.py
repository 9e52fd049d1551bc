"""Find the camera's round field of view, so that networks do not process the black surround."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

_LONGEST = 512  # px, longer side of the downsampled image
_EDGE = 0.10  # fraction of the range from black to bright above which a pixel is lit
_DARK = 0.15  # fraction of bright above which the corners are not a black surround
_CONTRAST = 16.0  # levels of 0..255; an image with a smaller range is blank
_SMALLEST = 0.10  # fraction of the frame; a smaller region is not a field of view


def field_of_view(image: Tensor) -> Tensor:
    """Return which pixels show the eye.

    A pixel is lit if its largest channel exceeds black (the median of the medians of the four corners) by a tenth of
    the range up to bright (the 99th percentile). The field of view is the largest connected region of lit pixels, with
    its holes filled. Only every n-th pixel is used, at most 512 along the longer side, so the border is accurate to
    about n native px.

    The whole frame is returned if no field of view can be found: the image is blank, the corners are not dark (the
    field of view fills the frame), or the region is smaller than a tenth of the frame.

    Args:
        image: Image ``(C, H, W)``, levels 0..255.

    Returns:
        The mask, bool ``(1, H, W)``, a plain tensor.
    """
    return torch.from_numpy(lit_part(image))


def lit_part(image: Tensor | NDArray[Any]) -> NDArray[np.bool_]:
    """Return the same as `field_of_view` as an array ``(1, H, W)``, for ``CropForegroundd(select_fn=...)``.

    MONAI searches an array for its bounding box in a tenth of the time that it needs for a tensor.
    """
    height, width = image.shape[1:]
    step = -(-max(height, width) // _LONGEST)
    rows, columns = (np.minimum(np.arange(-(-size // step)) * step + step // 2, size - 1) for size in (height, width))
    levels: NDArray[Any] = image if isinstance(image, np.ndarray) else torch.as_tensor(image).numpy(force=True)
    region = _region(reduce(np.maximum, levels[:, rows][:, :, columns]).astype(np.float32))
    if region.all():
        return np.ones((1, height, width), bool)
    seen = torch.from_numpy(region.astype(np.float32))
    size = (len(rows) * step, len(columns) * step)
    full = interpolate(seen[None, None], size=size, mode="bilinear", align_corners=False)[0]
    return np.asarray(full.numpy()[:, :height, :width] >= 0.5)


def _region(level: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the field of view ``(h, w)`` of a downsampled image ``(h, w)``."""
    from scipy import ndimage

    frame = np.ones(level.shape, dtype=bool)
    dark, bright = _corners(level), float(np.percentile(level, 99))
    if bright - dark < _CONTRAST or dark > _DARK * bright:
        return frame
    regions, count = ndimage.label(level > dark + _EDGE * (bright - dark))
    if count == 0:
        return frame
    largest = np.bincount(regions.ravel())[1:].argmax() + 1
    region: NDArray[np.bool_] = ndimage.binary_fill_holes(regions == largest)
    return region if region.mean() >= _SMALLEST else frame


def _corners(level: NDArray[np.float32]) -> float:
    side = max(1, min(level.shape) // 20)
    ends = (slice(None, side), slice(-side, None))
    return float(np.median([np.median(level[rows, columns]) for rows in ends for columns in ends]))
