r"""Tortuosity, fractal dimension and density of vessels; no units.

* *Tortuosity*: arc length over chord length of each segment (Lotmar et al., 1979), 1 for a straight segment; the result
  is the mean over all segments, weighted by length: :math:`\sum_s l_s (l_s / c_s) / \sum_s l_s`. A segment counts if
  its ends are at least `MIN_CHORD` times its width apart, because a skeleton may end up to half a width before the
  vessel.
* *Fractal dimension*: box counting (Mainster, 1990): the negative slope of the straight line through
  :math:`(\log s, \log N(s))`, where :math:`N(s)` is the number of boxes of side :math:`s` that contain a pixel. The
  sides are 1/8, 1/16, ... 1/256 of the longer side of the photograph, to be independent of the resolution, and at least
  2 px. The grid starts at the centre of the photograph. On centrelines: about 1.4 for retinal vessels, 1 for one line.
* *Density*: the fraction of pixels that belong to a vessel.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np
from numpy.typing import ArrayLike

from fundus_mtl.biomarkers._cleaning import Mask
from fundus_mtl.biomarkers._vessel_segments import Segment

BOXES = tuple(2.0**-k for k in range(3, 9))  # fractions of the longer side
MIN_CHORD = 2.0  # in widths of the segment
MIN_BOX_PX, MIN_BOXES = 2.0, 3


def tortuosity(segments: Sequence[Segment]) -> float:
    """Return the weighted mean of arc over chord of the segments that are long enough; NaN without any."""
    arcs, chords, widths = np.array([(s.length_px, s.chord_px, s.width_px()) for s in segments]).reshape(-1, 3).T
    course = chords >= MIN_CHORD * widths
    arcs, chords = arcs[course], chords[course]
    return float((arcs**2 / chords).sum() / arcs.sum()) if len(arcs) else nan


def fractal_dimension(points: ArrayLike, shape: tuple[int, ...]) -> float:
    """Return the fractal dimension by box counting.

    Args:
        points: Pixels of the structure ``(N, 2)``, row and column.
        shape: Shape of the photograph, ``(H, W)``.

    Returns:
        The dimension from 0 to 2; NaN without a pixel, or if the photograph is too small for three box sizes (64 px).
    """
    pixels = np.asarray(points, dtype=float).reshape(-1, 2) - (np.array(shape) - 1) / 2
    sides = [share * max(shape) for share in BOXES if share * max(shape) >= MIN_BOX_PX]
    if not len(pixels) or len(sides) < MIN_BOXES:
        return nan
    boxes = (np.floor(pixels / side).astype(int) @ [2 * max(shape), 1] for side in sides)
    counts = [len(np.unique(touched)) for touched in boxes]
    return -float(np.polyfit(np.log(sides), np.log(counts), 1)[0])


def density(vessels: Mask, area: Mask) -> float:
    """Return the fraction of an area ``(H, W)`` that belongs to vessels; NaN if the area is empty."""
    pixels = int(np.count_nonzero(area))
    return int(np.count_nonzero(vessels & area)) / pixels if pixels else nan
