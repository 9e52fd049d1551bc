r"""clDice: whether the centrelines of two masks lie within each other; no unit.

Source: Shit et al., clDice - a novel topology-preserving loss function for tubular structure segmentation, CVPR 2021,
    equations 1 and 2 (the hard version; MONAI has the soft loss only).

With the masks' skeletons :math:`S_P, S_T`, topology precision :math:`|S_P \cap T| / |S_P|` and topology sensitivity
:math:`|S_T \cap P| / |S_T|`, clDice is their harmonic mean. On a set of pixels the skeletons are those of the whole
masks, and only their pixels in the set are counted.
"""

from __future__ import annotations

import numpy as np

from fundus_mtl.metrics._av_pixels import ratio
from fundus_mtl.metrics._av_truth import Mask


class CLDice:
    """Compare two masks by their centrelines, on as many sets of pixels as wanted.

    Args:
        pred: mask ``(H, W)``.
        true: mask ``(H, W)``.
    """

    def __init__(self, pred: Mask, true: Mask) -> None:
        from skimage.morphology import skeletonize

        self._centrelines = tuple((skeletonize(one), other) for one, other in ((pred, true), (true, pred)))

    def __call__(self, pixels: Mask) -> float:
        """Return clDice on some pixels ``(H, W)``.

        Returns:
            From 0 to 1; 0 where one of precision and sensitivity is 0, be the other 0/0; otherwise NaN where one is
            0/0.
        """
        precision, sensitivity = (_share_within(line & pixels, mask) for line, mask in self._centrelines)
        if 0 in (precision, sensitivity):
            return 0.0
        return 2 * precision * sensitivity / (precision + sensitivity)


def _share_within(line: Mask, mask: Mask) -> float:
    return ratio(int(np.count_nonzero(line & mask)), int(np.count_nonzero(line)))


def cldice(pred: Mask, true: Mask) -> float:
    """Return clDice of two boolean masks of one shape ``(H, W)``, no unit; as `CLDice` on all pixels.

    Raises:
        ValueError: if the masks are not boolean or differ in shape.
    """
    if pred.dtype != bool or true.dtype != bool or pred.shape != true.shape or pred.ndim != 2:
        raise ValueError(
            f"pred and true: expected two boolean masks of one shape (H, W), but got {pred.dtype} {pred.shape} "
            f"and {true.dtype} {true.shape}."
        )
    return CLDice(pred, true)(np.ones_like(true))
