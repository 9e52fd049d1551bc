r"""Percentile of a vertical cup-to-disc ratio among normal discs of the same height.

Large discs have large cups. A single limit therefore classifies large normal discs as suspicious and small glaucomatous
discs as normal. Crowston et al. (The effect of optic disc diameter on vertical cup to disc ratio percentiles in a
population based cohort: the Blue Mountains Eye Study, British Journal of Ophthalmology 2004; 6678 eyes without
glaucoma, on photographs) published the median :math:`m` and the 97.5th percentile :math:`u` for vertical disc diameters
of 1.2 to 1.9 mm in steps of 0.1 mm. Between the steps both are interpolated linearly. Other percentiles are not
published; here they are computed from a normal distribution through the two,

.. math:: P = 100 \, \Phi\!\left(1.96 \, \frac{\mathrm{vCDR} - m}{u - m}\right),

which is an assumption, as is the equal spread below and above the median. Outside 1.2 to 1.9 mm the percentile is
unknown. The ratios of the study come from one population and from graders, not from a network.
"""

from __future__ import annotations

from math import nan

import numpy as np
from scipy.stats import norm

UPPER_PERCENTILE = 97.5
_HEIGHT_MM = (1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9)
_MEDIAN = (0.33, 0.35, 0.39, 0.42, 0.45, 0.50, 0.52, 0.55)
_AT_UPPER = (0.60, 0.59, 0.67, 0.68, 0.70, 0.71, 0.74, 0.75)  # 97.5th percentile
_TOLERANCE_MM = 1e-9  # 1.9 mm as a product of pixels and mm per pixel may be 1.9000000000000001


def vcdr_percentile(vcdr: float, disc_height_mm: float) -> float:
    """Return the percentile of a ratio among normal discs of the given height.

    Args:
        vcdr: Vertical cup-to-disc ratio, no unit.
        disc_height_mm: Vertical disc diameter, mm, from 1.2 to 1.9.

    Returns:
        The percentile from 0 to 100. It is above 97.5 exactly if the ratio is above the published 97.5th percentile.
        NaN for another height or an unknown number.

    Example:
        >>> round(vcdr_percentile(0.45, 1.6))
        50
    """
    if not _HEIGHT_MM[0] - _TOLERANCE_MM <= disc_height_mm <= _HEIGHT_MM[-1] + _TOLERANCE_MM:  # true for NaN too
        return nan
    middle, upper = (float(np.interp(disc_height_mm, _HEIGHT_MM, curve)) for curve in (_MEDIAN, _AT_UPPER))
    return float(100 * norm.cdf(norm.ppf(UPPER_PERCENTILE / 100) * (vcdr - middle) / (upper - middle)))
