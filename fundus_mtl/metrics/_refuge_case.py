"""Measure the predictions of disc, cup, fovea, glaucoma and quality for one photograph as one table row.

Metrics are computed on the pixel grid of the photograph after the clinical cleaning of `fundus_mtl.biomarkers`. Columns
named ``refuge_*`` follow the challenge (see `fundus_mtl.metrics.refuge`). A value that cannot be measured is NaN, with
the reason in ``note``.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fundus_mtl.metrics._comparison import centre, fovea, outlines
from fundus_mtl.metrics._fused_score import fused_score
from fundus_mtl.metrics._vcdr_regression import VCDRRegression

Array = NDArray[Any]
COLUMNS = (
    *(
        "disc_dice",
        "cup_dice",
        "vcdr_pred",
        "vcdr_true",
        "vcdr_abs_error",
        "disc_centre_error_px",
        "disc_centre_inside",
    ),
    *("refuge_disc_dice", "refuge_cup_dice", "refuge_vcdr_pred", "refuge_vcdr_true", "refuge_ae_cdr"),
    *("fovea_error_px", "fovea_error_px256", "fovea_error_dd"),
    *("glaucoma_true", "glaucoma_prob", "glaucoma_prob_classifier", "glaucoma_prob_vcdr"),
    *("quality_true", "quality_pred", "quality_abs_error"),
)


class RefugeCase:
    """Measure one postprocessed sample.

    A sample contains predictions ``pred_<key>`` and labels ``<key>``: masks ``(1, H, W)`` on the native pixel grid,
    points ``(2,)`` as ``(x, y)`` in native px, and scores ``(1,)`` from 0 to 1. ``<key>_present`` is false if the label
    is a filler.

    Args:
        disc: Key of the disc (including the cup); None if no task predicts it.
        cup: Key of the cup, or None.
        fovea: Key of the fovea, or None.
        glaucoma: Key of glaucoma, or None.
        regression: Regression that gives a second probability from the predicted cup-to-disc ratio. Optional.
        quality: Key of the quality of the photograph; None if no task predicts it.
    """

    def __init__(
        self,
        disc: str | None = "disc",
        cup: str | None = "cup",
        fovea: str | None = "fovea",
        glaucoma: str | None = "glaucoma",
        regression: VCDRRegression | None = None,
        quality: str | None = None,
    ) -> None:
        self.disc = disc
        self.cup = cup
        self.fovea = fovea
        self.glaucoma = glaucoma
        self.regression = regression
        self.quality = quality

    def __call__(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row: ``id``, `COLUMNS` (px, px of an image of 256 x 256, disc diameters, or no unit), ``note``.

        Raises:
            ValueError: if a prediction and its label are not on the same grid.
        """
        keys = {"disc": self.disc, "cup": self.cup, "fovea": self.fovea}
        keys |= {"glaucoma": self.glaucoma, "quality": self.quality}
        pred = {name: _read(sample, f"pred_{key}") for name, key in keys.items() if key is not None}
        true = {name: _label(sample, key) for name, key in keys.items() if key is not None}
        measured = {
            **outlines(pred.get("disc"), pred.get("cup"), true.get("disc"), true.get("cup")),
            **centre(pred.get("disc"), true.get("disc")),
            **fovea(pred.get("fovea"), true.get("fovea"), true.get("disc"), _native_size(sample, pred)),
            **_quality(pred.get("quality"), true.get("quality")),
        }
        measured.update(self._glaucoma(pred.get("glaucoma"), true.get("glaucoma"), measured["vcdr_pred"]))
        return {"id": str(sample["id"]), **dict.fromkeys(COLUMNS, nan), **measured, "note": _reasons(pred, true)}

    def _glaucoma(self, pred: Array | None, true: Array | None, vcdr: float) -> dict[str, float]:
        """Return the label, the final score, and the two scores that it is made of."""
        classifier = _number(pred)
        linear = nan if self.regression is None else float(self.regression.predict(vcdr))
        return {
            "glaucoma_true": _number(true),
            "glaucoma_prob": fused_score(classifier, linear),
            "glaucoma_prob_classifier": classifier,
            "glaucoma_prob_vcdr": linear,
        }


def _quality(pred: Array | None, true: Array | None) -> dict[str, float]:
    """Return the true and the predicted quality of the photograph, and how far they are apart."""
    found, wanted = _number(pred), _number(true)
    return {"quality_true": wanted, "quality_pred": found, "quality_abs_error": abs(found - wanted)}


def _number(value: Array | None) -> float:
    """Return the number of a one-element array; NaN if there is no array."""
    return nan if value is None else float(value.reshape(-1)[0])


def _read(sample: Mapping[str, Any], key: str) -> Array | None:
    """Return an entry as an array, without the channel axis of a mask; None if the entry is missing."""
    value = sample.get(key)
    if value is None:
        return None
    array = np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value)
    return array[0] if array.ndim == 3 else array


def _label(sample: Mapping[str, Any], key: str) -> Array | None:
    """Return a label, or None if it is missing or a filler."""
    return _read(sample, key) if bool(sample.get(f"{key}_present", True)) else None


def _native_size(sample: Mapping[str, Any], pred: Mapping[str, Array | None]) -> tuple[float, float]:
    """Return height and width of the photograph, px: from a predicted mask, else from the image metadata, else NaN."""
    for mask in pred.values():
        if mask is not None and mask.ndim == 2:
            return float(mask.shape[0]), float(mask.shape[1])
    height, width = getattr(sample.get("image"), "meta", {}).get("spatial_shape", (nan, nan))
    return float(height), float(width)


def _reasons(pred: Mapping[str, Array | None], true: Mapping[str, Array | None]) -> str:
    """Return the reasons why columns of a task are NaN, separated by ``;``."""
    reasons = []
    for name in pred:
        sides = (pred[name], "not predicted", "not found"), (true[name], "not labelled", "labelled empty")
        for array, absent, empty in sides:
            if array is None:
                reasons.append(f"{name} {absent}")
            elif not array.any() if array.ndim == 2 else np.isnan(array).any():
                reasons.append(f"{name} {empty}")
    return "; ".join(reasons)
