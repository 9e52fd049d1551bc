"""The final glaucoma score of MTL-IO: the mean of the classifier's score and of the regression on the cup-to-disc ratio.

Source: the MTL-IO paper and its code, ``(p_FC + p_LR) / 2``. Research use only.
"""

from __future__ import annotations

from math import isnan


def fused_score(classifier: float, vcdr: float) -> float:
    """Return the mean of two scores from 0 to 1.

    Args:
        classifier: Score of the classifier; NaN if unknown.
        vcdr: Score of the `VCDRRegression`; NaN if unknown, for example because no cup was found.

    Returns:
        The mean. The classifier's score where the other one is unknown. NaN where the classifier's is unknown: a ratio
        alone is no fused score.
    """
    return classifier if isnan(vcdr) else (classifier + vcdr) / 2
