"""All quantities of one structure on all pixel sets, with the names of `fundus_mtl.metrics.av`."""

from __future__ import annotations

from math import nan

import numpy as np

from fundus_mtl.metrics._av_cldice import CLDice
from fundus_mtl.metrics._av_inputs import Scores
from fundus_mtl.metrics._av_pixels import background_accuracy, confusion, pixel_auc
from fundus_mtl.metrics._av_truth import Mask

Maps = dict[str, Mask | None]
QUANTITIES = ("acc", "f1", "sens", "spec", "auc", "cldice")


def pixel_sets(vessel: Mask, found: Mask | None, fov: Mask | None, left_out: Mask | None) -> Maps:
    """Return the four sets of pixels; None for a set that is unknown."""
    sets: Maps = {
        "frame": np.ones_like(vessel),
        "fov": fov,
        "gt_vessel": vessel,
        "discovered": None if found is None else found & vessel,
    }
    if left_out is None:
        return sets
    return {name: None if pixels is None else pixels & ~left_out for name, pixels in sets.items()}


def measure(
    name: str, true: Mask, pred: Mask | None, prob: Scores | None, sets: Maps, centrelines: bool = True
) -> dict[str, float]:
    """Return all quantities of one structure on all pixel sets."""
    lines = CLDice(pred, true) if pred is not None and centrelines else None
    result: dict[str, float] = {}
    for place, pixels in sets.items():
        values = dict.fromkeys(QUANTITIES, nan)
        if pixels is not None and pred is not None:
            values |= confusion(pred, true, pixels)
        if pixels is not None and lines is not None:
            values["cldice"] = lines(pixels)
        if pixels is not None and prob is not None:
            values["auc"] = pixel_auc(prob, true, pixels)
        result |= {f"{quantity}_{name}_{place}": value for quantity, value in values.items()}
        result[f"acc_{name}_{place}_background"] = nan if pixels is None else background_accuracy(true, pixels)
    return result
