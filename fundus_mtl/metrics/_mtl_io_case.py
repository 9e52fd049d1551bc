r"""Measure a photograph as the code of MTL-IO does, on the grid of the network.

Source: "Multi-Task Learning with Independent Optimizers" and its code (``metrics.py`` and ``utils.py`` of
``robustml-eurecom/glaucoma_mtl``). Use these numbers only to compare with the paper's tables; `RefugeCase` measures on
the photograph's own grid.

* Dice: probabilities from 0.5, the largest component whose pixels touch at their sides; of an image without any such
  pixel the code keeps *all* pixels. Mean over the photographs.
* Vertical cup-to-disc ratio: sums of probabilities down the columns, the largest of the cup divided by the largest of
  the disc plus 1e-7; of the probabilities, not of the cleaned masks.
* Fovea: distance of the centres of mass of the whole predicted map and of the true Gaussian, px of the network's grid.
* Glaucoma: mean of the classifier's score and of the regression on the ratio; 0.5 is the threshold.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import hypot, nan
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from fundus_mtl.metrics._dice import dice
from fundus_mtl.metrics._fused_score import fused_score
from fundus_mtl.metrics._measures import SummaryMeasure, mean, score_measures
from fundus_mtl.metrics._summary import summarise_measures
from fundus_mtl.metrics._vcdr_regression import VCDRRegression

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]
EPS = 1e-7
COLUMNS = (
    *("disc_dice", "cup_dice", "vcdr_pred", "vcdr_true", "vcdr_abs_error", "fovea_error_px256"),
    *("glaucoma_true", "glaucoma_prob", "glaucoma_prob_classifier", "glaucoma_prob_vcdr"),
)


class MTLIOCase:
    """Measure one sample whose predictions and labels are on the grid of the network.

    A sample contains ``pred_<key>`` and ``<key>``: probabilities and masks ``(1, h, w)`` of disc and cup, predicted and
    true heatmap ``(1, h, w)`` of the fovea, score and label ``(1,)`` of glaucoma. ``<key>_present`` is false if the
    label is a filler.

    Args:
        regression: Regression that gives a second probability from the predicted cup-to-disc ratio. Optional.
    """

    def __init__(self, regression: VCDRRegression | None = None) -> None:
        self.regression = regression

    def __call__(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row: ``id`` and `COLUMNS`; NaN where a prediction or a label is missing."""
        pred = {key: _array(sample.get(f"pred_{key}")) for key in ("disc", "cup", "fovea", "glaucoma")}
        true = {
            key: _array(sample.get(key)) if bool(sample.get(f"{key}_present", True)) else None
            for key in ("disc", "cup", "fovea", "glaucoma")
        }
        row = dict.fromkeys(COLUMNS, nan)
        for key in ("disc", "cup"):
            found, wanted = pred[key], true[key]
            if found is not None and wanted is not None:
                row[f"{key}_dice"] = dice(largest_component_or_all(found[0] >= 0.5), wanted[0])
        row["vcdr_pred"] = _ratio(pred)
        row["vcdr_true"] = _ratio(true)
        row["vcdr_abs_error"] = abs(row["vcdr_pred"] - row["vcdr_true"])
        if pred["fovea"] is not None and true["fovea"] is not None:
            ends = [ndimage.center_of_mass(each[0].astype(float)) for each in (pred["fovea"], true["fovea"])]
            row["fovea_error_px256"] = hypot(*(a - b for a, b in zip(*ends, strict=True)))
        row |= self._glaucoma(pred["glaucoma"], true["glaucoma"], row["vcdr_pred"])
        return {"id": str(sample["id"]), **row}

    def _glaucoma(self, pred: Array | None, true: Array | None, ratio: float) -> dict[str, float]:
        classifier = nan if pred is None else float(pred.reshape(-1)[0])
        linear = nan if self.regression is None else float(self.regression.predict(ratio))
        return {
            "glaucoma_true": nan if true is None else float(true.reshape(-1)[0]),
            "glaucoma_prob": fused_score(classifier, linear),
            "glaucoma_prob_classifier": classifier,
            "glaucoma_prob_vcdr": linear,
        }


def column_ratio(disc: ArrayLike, cup: ArrayLike, size: int | None = None) -> float:
    """Return the largest column sum of the cup divided by that of the disc plus 1e-7.

    Args:
        disc: Mask or probabilities ``(H, W)``.
        cup: Mask or probabilities ``(H, W)``.
        size: Side of the grid in px on which masks are measured; they are resized to it by their nearest pixel, and
            every nonzero pixel counts as 1. None for the values as they are.
    """
    given = [np.asarray(each) for each in (disc, cup)]
    if size is not None:
        given = [_nearest(each != 0, size) for each in given]
    down_disc, down_cup = (float(each.sum(axis=0, dtype=float).max()) for each in given)
    return down_cup / (down_disc + EPS)


def largest_component_or_all(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest component of a mask ``(H, W)``, pixels touching at their sides; all pixels if it is empty."""
    components, count = ndimage.label(mask)
    if not count:
        return np.ones_like(mask)
    return np.asarray(components == np.bincount(components.ravel())[1:].argmax() + 1)


def summarise_mtl_io(
    rows: pd.DataFrame, threshold: float = 0.5, n: int = 1000, seed: int = 0, level: float = 0.95
) -> pd.DataFrame:
    """Summarise the rows of `MTLIOCase` under the names that `summarise` has for the same measures.

    Args:
        rows: One row per case.
        threshold: Smallest score that counts as positive.
        n: Number of bootstrap resamples of the cases; 0 for no intervals.
        seed: Seed of the resampling.
        level: Confidence level of the intervals.

    Returns:
        A table as in `summarise`.
    """
    grid = "on the grid of the network"
    measures = [
        SummaryMeasure("disc_dice", ("disc_dice",), mean, "", f"mean Dice of the disc, {grid}"),
        SummaryMeasure("cup_dice", ("cup_dice",), mean, "", f"mean Dice of the cup, {grid}"),
        SummaryMeasure("vcdr_mae", ("vcdr_abs_error",), mean, "", "mean error of the ratio of column sums"),
        SummaryMeasure(
            "fovea_error_px256_mean", ("fovea_error_px256",), mean, "px", f"mean distance of centres of mass, {grid}"
        ),
        *score_measures(threshold, 0.85),
    ]
    return summarise_measures(rows, measures, n, seed, level)


def _ratio(maps: Mapping[str, Array | None]) -> float:
    disc, cup = maps["disc"], maps["cup"]
    return nan if disc is None or cup is None else column_ratio(disc[0], cup[0])


def _nearest(mask: NDArray[np.bool_], size: int) -> NDArray[np.bool_]:
    rows, columns = (((np.arange(size) + 0.5) * side / size).astype(int) for side in mask.shape)
    return mask[np.ix_(rows, columns)]


def _array(value: Any) -> Array | None:
    if value is None:
        return None
    return np.asarray(value.detach().cpu() if isinstance(value, torch.Tensor) else value)
