"""Rim width by clock hour.

The clock is that of a *right* eye as seen in a photograph: 12 superior, 3 nasal, 6 inferior, 9 temporal. For a left eye
the clock is mirrored, as in the normative tables of OCT, so that an hour is the same part of the disc in both eyes: 5
o'clock in the photograph of a left disc is hour 7 here. An hour is 30° wide, centred on its mark. Three hours form a
sector of `rim_profile`: 8, 9, 10 temporal, 11, 12, 1 superior, 2, 3, 4 nasal, 5, 6, 7 inferior.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def clock_hours(widths_px: ArrayLike) -> NDArray[np.float64]:
    """Average the rim width over each hour.

    Args:
        widths_px: Widths by degree ``(360,)``, px, as returned by `rim_profile`: 0° temporal, 90° superior, 180° nasal.

    Returns:
        Widths ``(12,)``, px, of the hours 1 to 12; NaN where the rim width is NaN.

    Raises:
        ValueError: if the number of widths is not 360.

    Example:
        >>> clock_hours(range(360))[2]  # 3 o'clock: 165° to 194°
        179.5
    """
    widths = np.asarray(widths_px, dtype=np.float64)
    if widths.shape != (360,):
        raise ValueError(f"widths_px: expected 360 widths, one for each degree, but got shape {widths.shape}.")
    by_turn = np.roll(widths, 15).reshape(12, 30).mean(axis=1)  # from 9 o'clock over 10 to 8
    return by_turn[(np.arange(1, 13) + 3) % 12]
