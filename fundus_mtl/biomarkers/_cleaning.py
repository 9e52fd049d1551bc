"""Clean masks of disc and cup that have specks, holes, or a cup outside the disc.

The disc is the largest 8-connected component of its mask (the first in reading order of equally large ones), with holes
filled. The cup is the part of its mask inside this disc; it is not cleaned otherwise.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Mask = NDArray[np.bool_]


def as_mask(mask: ArrayLike, name: str = "mask") -> Mask:
    """Return the mask as booleans ``(H, W)``; nonzero pixels belong to the structure.

    Raises:
        ValueError: if the mask is not 2-D.
    """
    array = np.asarray(mask)
    if array.ndim != 2:
        raise ValueError(f"{name}: expected shape (H, W), but got {array.shape}; pass one channel.")
    return array.astype(bool, copy=False)


def bounds(mask: Mask) -> tuple[slice, slice] | None:
    """Return the rows and columns that the structure in a mask ``(H, W)`` covers, or None if the mask is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def pixels(mask: Mask) -> NDArray[np.intp]:
    """Return row and column of the pixels of the structure in a mask ``(H, W)``: ``(N, 2)``, in reading order.

    It equals ``np.argwhere``, which takes several times as long on a mask that is mostly empty.
    """
    return np.stack(np.divmod(np.flatnonzero(mask), mask.shape[1]), axis=1)


def clean_disc(disc: ArrayLike) -> Mask:
    """Keep the largest 8-connected component of the disc and fill its holes.

    Args:
        disc: Disc mask ``(H, W)``, nonzero inside.

    Returns:
        A new boolean mask ``(H, W)``; empty if the input is empty.
    """
    mask = as_mask(disc, "disc")
    clean = np.zeros_like(mask)
    window = bounds(mask)
    if window is not None:
        clean[window] = _without_holes(largest_component(mask[window]))
    return clean


def largest_component(mask: Mask) -> Mask:
    """Return the largest 8-connected component of a mask ``(H, W)``, the first in reading order of equally large ones.

    OpenCV does not guarantee an order of the labels.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    sizes = stats[:, cv2.CC_STAT_AREA]
    sizes[0] = 0
    if not sizes.any():
        return np.zeros_like(mask)
    if len(equal := np.flatnonzero(sizes == sizes.max())) == 1:
        return np.asarray(labels == equal[0])
    candidates = np.isin(labels, equal).ravel()
    return np.asarray(labels == labels.ravel()[candidates.argmax()])


def _without_holes(mask: Mask) -> Mask:
    """Fill the pixels of ``(H, W)`` that are not 4-connected to the outside."""
    padded = np.pad(mask.astype(np.uint8), 1)
    cv2.floodFill(padded, None, (0, 0), 2, flags=4)
    return np.asarray(padded[1:-1, 1:-1] != 2)


def clean_disc_cup(disc: ArrayLike, cup: ArrayLike) -> tuple[Mask, Mask]:
    """Clean the disc by `clean_disc` and keep the part of the cup that lies inside it.

    Args:
        disc: Disc mask ``(H, W)``, nonzero inside; it may include the cup, or be only the rim around it.
        cup: Cup mask ``(H, W)``, nonzero inside.

    Returns:
        Boolean masks ``(H, W)`` of disc and cup.

    Raises:
        ValueError: if the shapes differ or are not 2-D.
    """
    disc_mask, cup_mask = as_mask(disc, "disc"), as_mask(cup, "cup")
    if disc_mask.shape != cup_mask.shape:
        raise ValueError(f"cup: expected the disc's shape {disc_mask.shape}, but got {cup_mask.shape}.")
    clean = clean_disc(disc_mask)
    return clean, clean & cup_mask


def contains(mask: ArrayLike, point_xy: ArrayLike) -> bool:
    """Return whether the point ``(x, y)`` is inside a mask ``(H, W)``; False for NaN or outside the image."""
    structure, point = as_mask(mask), np.asarray(point_xy, dtype=float)
    if not np.isfinite(point).all():
        return False
    column, row = np.floor(point + 0.5).astype(int)
    return bool(0 <= row < structure.shape[0] and 0 <= column < structure.shape[1] and structure[row, column])
