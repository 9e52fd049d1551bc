"""Find the camera's round field of view, so that networks do not spend pixels on the black around it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

_LONGEST = 512  # px of the reduced picture that is looked at
_EDGE = 0.10  # of the range from black to bright: pixels above it are seen
_DARK = 0.15  # of bright: corners above it are no black surround
_CONTRAST = 16.0  # levels of 0..255: less is a blank picture
_SMALLEST = 0.10  # of the frame: a smaller region is no field of view


def field_of_view(image: Tensor) -> Tensor:
    """Return which pixels show the eye, for ``CropForegroundd(select_fn=...)``.

    A pixel is seen if its largest channel exceeds black (the median of the four corners' medians) by a tenth of the
    way to bright (the 99th percentile); of these pixels the largest region counts, its holes filled. The rule looks
    at every n-th pixel only, at most 512 along the longer side, so its border is right to about n native px.

    The whole frame is returned where no field of view can be told: in a blank picture, where the corners are not dark
    (the field of view fills the frame), or where the region is smaller than a tenth of the frame.

    Args:
        image: ``(C, H, W)``, levels 0..255.

    Returns:
        bool ``(1, H, W)``, a plain tensor.
    """
    height, width = image.shape[1:]
    step = -(-max(height, width) // _LONGEST)
    rows, columns = (np.minimum(np.arange(-(-size // step)) * step + step // 2, size - 1) for size in (height, width))
    reduced: NDArray[Any] = torch.as_tensor(image).detach().cpu().numpy()[:, rows][:, :, columns]
    seen = torch.from_numpy(_region(reduced.max(axis=0).astype(np.float32)).astype(np.float32))
    size = (len(rows) * step, len(columns) * step)
    full = interpolate(seen[None, None], size=size, mode="bilinear", align_corners=False)[0]
    return full[:, :height, :width] >= 0.5


def _region(level: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the field of view ``(h, w)`` of a reduced picture ``(h, w)``."""
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
