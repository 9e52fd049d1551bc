r"""Knudtson's central retinal equivalents: combine the widths of the six widest vessels around the disc.

Source: Knudtson et al., Revised formulas for summarizing retinal vessel diameters, Current Eye Research 2003.

The widest vessel is combined with the narrowest, the second widest with the second narrowest, and so on, each pair to

.. math:: w = c \sqrt{w_1^2 + w_2^2}, \qquad c = 0.88 \text{ (arteries)}, \; 0.95 \text{ (veins)};

With an odd number the middle width is carried over. This is repeated until one width remains: CRAE of arteries, CRVE of
veins, in the unit of the widths. Their ratio, AVR = CRAE / CRVE, has no unit.
"""

from __future__ import annotations

from math import hypot, nan

import numpy as np
from numpy.typing import ArrayLike

COEFFICIENTS = {"artery": 0.88, "vein": 0.95}


def knudtson(widths: ArrayLike, kind: str, count: int = 6) -> float:
    """Combine the widest vessels into their central retinal equivalent.

    Args:
        widths: Widths of the vessels ``(N,)``, px or µm; NaN if a vessel could not be measured.
        kind: Kind of vessel, ``"artery"`` or ``"vein"``.
        count: Number of widest vessels to combine; the formula is defined for six.

    Returns:
        The equivalent in the unit of the widths; NaN with fewer measured vessels than ``count``.

    Raises:
        ValueError: if the kind is unknown, the widths are not one list of numbers above 0, or ``count`` is below 1.
    """
    if kind not in COEFFICIENTS:
        raise ValueError(f"kind: expected 'artery' or 'vein', but got {kind!r}.")
    values = np.asarray(widths, dtype=float)
    if values.ndim != 1 or (values <= 0).any() or np.isinf(values).any():
        raise ValueError(f"widths: expected a list of finite numbers above 0, but got {widths!r}; NaN is unknown.")
    if count < 1:
        raise ValueError(f"count: expected at least 1, but got {count}.")
    left = np.sort(values[~np.isnan(values)])[-count:].tolist()
    if len(left) < count:
        return nan
    while len(left) > 1:
        half = len(left) // 2
        pairs = zip(left[:half], reversed(left), strict=False)
        left = sorted([COEFFICIENTS[kind] * hypot(*pair) for pair in pairs] + left[half : len(left) - half])
    return float(left[0])
