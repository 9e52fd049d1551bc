"""What is lit outside of the field of view: another eye beside it, or a frame of a program around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.biomarkers._cleaning import Mask

_LONGEST = 512  # px, longer side of the reduced photograph
_LIT = 0.5  # of the median brightness in the field of view


def lit_outside(photograph: NDArray[np.uint8], field_of_view: Mask) -> float:
    """Return the lit area outside of the field of view over the area of the field of view.

    A pixel is lit if its largest channel has at least half of the median in the field of view. Every n-th pixel is used.

    Args:
        photograph: RGB ``(H, W, 3)``.
        field_of_view: Mask ``(H, W)``.

    Returns:
        0 for a plain photograph, about 1 for the photographs of two eyes in one picture; 0 for an empty mask.
    """
    step = -(-max(field_of_view.shape) // _LONGEST)
    level, field = photograph[::step, ::step].max(axis=2), field_of_view[::step, ::step]
    if not field.any():
        return 0.0
    limit = max(1.0, _LIT * float(np.median(level[field])))
    return float(np.count_nonzero(level[~field] >= limit) / np.count_nonzero(field))
