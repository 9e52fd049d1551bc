"""Masks: which pixel values a file may have, and how much of a photograph a structure may cover."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
# Pixels of other values than the declared ones. HRF-AV's maps have at most 4 in 8 million; JPEG noise makes thousands.
_STRAY_PIXELS, _STRAY_SHARE = 4, 1e-5
_OUTSIDE = 0.1  # share of a field-of-view mask that may lie in the black surround
_COVERED = 0.5  # share of the bright part that a field-of-view mask covers at least


def few(count: int, pixels: int) -> bool:
    """Return whether ``count`` of ``pixels`` are so few that they are stray: at most 4, or 0.001 %."""
    return count <= max(_STRAY_PIXELS, _STRAY_SHARE * pixels)


def structure(values: NDArray[Any], where: str, what: str, largest: float = 0.5) -> Mask:
    """Return the mask of a structure of the eye: 0 is background, one other value is the structure.

    A few stray pixels of further values count as the structure.

    Args:
        values: ``(H, W)`` of a mask's file, as they are stored.
        where: Name of the photograph, for the message.
        what: Name of the structure, for the message.
        largest: Share of the photograph that the structure covers at most; 1 for masks that may cover all of it.

    Returns:
        Bool ``(H, W)``.

    Raises:
        ValueError: if there are more values, as in a mask of several codes, one that went through JPEG or one that was
            resized with interpolation; if the structure covers more than ``largest``, as in an inverted mask.
    """
    mask = np.asarray(values != 0)
    levels, counts = _counted(values)
    others = np.sort(counts[levels != 0])[:-1].sum()
    if not few(int(others), mask.size):
        listed = ", ".join(f"{level:g}" for level in levels[:5]) + (", ..." if len(levels) > 5 else "")
        raise ValueError(
            f"{where}: expected a mask of {what} with 0 for background and one other value, but got {len(levels)} values "
            f"({listed}); split a mask of several codes, such as REFUGE's, with `fundus-mtl prepare`, and take one that was "
            "saved as JPEG or resized from its source."
        )
    if (share := mask.mean()) > largest:
        raise ValueError(
            f"{where}: expected a mask of {what} that covers at most {largest:.0%} of the photograph, but got {share:.0%}; "
            "check whether it is inverted (0 is background)."
        )
    return mask


def check_field(field: Mask, bright: Mask, where: str) -> None:
    """Refuse a field-of-view mask that does not fit its photograph.

    Args:
        field: ``(H, W)``, true where the eye is seen according to the mask's file.
        bright: ``(H, W)``, true where the photograph is not its black surround; all true if that cannot be found.
        where: Name of the photograph, for the message.

    Raises:
        ValueError: if the mask is empty, leaves out the middle of the frame, lies in the black surround by more than a
            tenth, or covers less than half of the bright part.
    """
    if not field.any():
        raise ValueError(
            f"{where}: expected a field of view, but got an all-black mask; move it away to have it computed."
        )
    height, width = field.shape
    outside, covered = (field & ~bright).sum() / field.sum(), (field & bright).sum() / max(1, bright.sum())
    fault = ""
    if not field[height // 2, width // 2]:
        fault = "a mask without the middle of the frame"
    elif outside > _OUTSIDE:
        fault = f"a mask with {outside:.0%} of it in the black surround"
    elif not bright.all() and covered < _COVERED:
        fault = f"a mask of {covered:.0%} of the bright part"
    if fault:
        raise ValueError(
            f"{where}: expected a field of view that fits the photograph, but got {fault}; check whether it is inverted or "
            "another photograph's, or move it away to have it computed."
        )


def _counted(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return the values that occur, ascending, and how often each does."""
    if values.dtype in (np.bool_, np.uint8):  # ten times as fast as sorting
        counts = np.bincount(values.astype(np.uint8, copy=False).ravel(), minlength=256)
        levels = np.flatnonzero(counts)
        return levels, counts[levels]
    return np.unique(values, return_counts=True)
