"""Map points between the grid of the network and the pixels of the file, with the affine of the image.

The affine of a MetaTensor maps (row, col) of the transformed image to (row, col) of the file. Points are (x, y); only
this module swaps the two.
"""

from __future__ import annotations

from typing import Any

import torch
from monai.data import MetaTensor
from monai.data.utils import to_affine_nd
from torch import Tensor


def plane_affine(image: Any) -> Tensor:
    """Return the affine ``(3, 3)`` float64 of an image ``(C, H, W)``, including pending lazy transforms.

    Raises:
        TypeError: if the image has no affine because it is not a MetaTensor.
    """
    if not isinstance(image, MetaTensor):
        raise TypeError(
            f"expected an image with an affine (MetaTensor), but got {type(image).__name__}; keep track_meta on."
        )
    return torch.as_tensor(to_affine_nd(2, image.peek_pending_affine()), dtype=torch.float64, device="cpu")


def grid_size(image: Any) -> tuple[int, int]:
    """Return (H, W) of an image ``(C, H, W)``, px, including pending lazy transforms."""
    height, width = image.peek_pending_shape() if isinstance(image, MetaTensor) else image.shape[1:]
    return int(height), int(width)


def to_network(xy: Tensor, image: Any) -> Tensor:
    """Map a point (x, y) ``(2,)`` in native px to (row, col) ``(2,)`` float64 on the current grid of the image."""
    native = torch.stack([xy[1], xy[0], torch.ones_like(xy[0])]).to(torch.float64)
    return torch.linalg.solve(plane_affine(image), native)[:2]


def to_native(row_col: Tensor, image: Any) -> Tensor:
    """Map (row, col) ``(2,)`` on the current grid of the image to a point (x, y) ``(2,)`` float64 in native px."""
    network = torch.cat([row_col.to(torch.float64), torch.ones(1, dtype=torch.float64)])
    return (plane_affine(image) @ network)[:2].flip(0)
