r"""clDice: how much of the centreline of each of two masks lies inside the other mask; no unit.

Source: Shit et al., clDice - a novel topology-preserving loss function for tubular structure segmentation, CVPR 2021,
    equations 1 and 2 (the hard version; MONAI has only the soft loss).

With the skeletons :math:`S_P, S_T` of the masks, clDice is the harmonic mean of topology precision
:math:`|S_P \cap T| / |S_P|` and topology sensitivity :math:`|S_T \cap P| / |S_T|`. If clDice is restricted to a set of
pixels, the skeletons are still those of the whole masks, and only their pixels in the set are counted.
"""

from __future__ import annotations

import numpy as np

from fundus_mtl.metrics._av_pixels import ratio
from fundus_mtl.metrics._av_truth import Mask


class CLDice:
    """Compare two masks by their centrelines; the result can be computed for any number of pixel sets.

    Args:
        pred: Predicted mask ``(H, W)``.
        true: True mask ``(H, W)``.
    """

    def __init__(self, pred: Mask, true: Mask) -> None:
        from skimage.morphology import skeletonize

        self._centrelines = tuple((skeletonize(one), other) for one, other in ((pred, true), (true, pred)))

    def __call__(self, pixels: Mask) -> float:
        """Return clDice on a set of pixels ``(H, W)``.

        Returns:
            clDice from 0 to 1. It is 0 if precision or sensitivity is 0, even if the other is 0/0; otherwise NaN if one
            of them is 0/0.
        """
        precision, sensitivity = (_share_within(line & pixels, mask) for line, mask in self._centrelines)
        if 0 in (precision, sensitivity):
            return 0.0
        return 2 * precision * sensitivity / (precision + sensitivity)


def _share_within(line: Mask, mask: Mask) -> float:
    return ratio(int(np.count_nonzero(line & mask)), int(np.count_nonzero(line)))


def cldice(pred: Mask, true: Mask) -> float:
    """Return clDice of two boolean masks of the same shape ``(H, W)``, no unit; same as `CLDice` on all pixels.

    Raises:
        ValueError: if the masks are not boolean or differ in shape.
    """
    if pred.dtype != bool or true.dtype != bool or pred.shape != true.shape or pred.ndim != 2:
        raise ValueError(
            f"pred and true: expected two boolean masks of the same shape (H, W), but got {pred.dtype} {pred.shape} "
            f"and {true.dtype} {true.shape}."
        )
    return CLDice(pred, true)(np.ones_like(true))
