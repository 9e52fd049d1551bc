"""One row per photograph: a prediction of disc, cup, fovea and glaucoma, measured where labels are at hand.

The sound measures are taken on the photograph's own grid after the clinical cleaning of `fundus_mtl.biomarkers`;
columns named ``refuge_*`` follow the challenge (see `fundus_mtl.metrics.refuge`). What cannot be measured is NaN,
with the reason in ``note``.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fundus_mtl.metrics._comparison import centre, fovea, outlines
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
    *("glaucoma_true", "glaucoma_prob", "glaucoma_prob_vcdr", "glaucoma_prob_mean"),
)


class RefugeCase:
    """Measure one postprocessed sample.

    A sample holds predictions ``pred_<key>`` and labels ``<key>``, masks ``(1, H, W)`` on the native grid, points
    ``(2,)`` as ``(x, y)`` in native px, a probability ``(1,)``; ``<key>_present`` tells whether a label is one or a
    filler.

    Args:
        disc: key of the disc, cup included; None where it is no task.
        cup: key of the cup, or None.
        fovea: key of the fovea, or None.
        glaucoma: key of glaucoma, or None.
        regression: turns the predicted cup-to-disc ratio into a second probability.
    """

    def __init__(
        self,
        disc: str | None = "disc",
        cup: str | None = "cup",
        fovea: str | None = "fovea",
        glaucoma: str | None = "glaucoma",
        regression: VCDRRegression | None = None,
    ) -> None:
        self.disc = disc
        self.cup = cup
        self.fovea = fovea
        self.glaucoma = glaucoma
        self.regression = regression

    def __call__(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row: ``id``, `COLUMNS` (px, 256ths of the frame, disc diameters, or no unit), and ``note``.

        Raises:
            ValueError: if a prediction is not on its label's grid.
        """
        keys = {"disc": self.disc, "cup": self.cup, "fovea": self.fovea, "glaucoma": self.glaucoma}
        pred = {name: _read(sample, f"pred_{key}") for name, key in keys.items() if key is not None}
        true = {name: _label(sample, key) for name, key in keys.items() if key is not None}
        measured = {
            **outlines(pred.get("disc"), pred.get("cup"), true.get("disc"), true.get("cup")),
            **centre(pred.get("disc"), true.get("disc")),
            **fovea(pred.get("fovea"), true.get("fovea"), true.get("disc"), _native_size(sample, pred)),
        }
        measured.update(self._glaucoma(pred.get("glaucoma"), true.get("glaucoma"), measured["vcdr_pred"]))
        return {"id": str(sample["id"]), **dict.fromkeys(COLUMNS, nan), **measured, "note": _reasons(pred, true)}

    def _glaucoma(self, pred: Array | None, true: Array | None, vcdr: float) -> dict[str, float]:
        """Return the label and the probabilities of the classifier, of the ratio, and their mean, NaN if one is."""
        classifier = nan if pred is None else float(pred.reshape(-1)[0])
        linear = nan if self.regression is None else float(self.regression.predict(vcdr))
        return {
            "glaucoma_true": nan if true is None else float(true.reshape(-1)[0]),
            "glaucoma_prob": classifier,
            "glaucoma_prob_vcdr": linear,
            "glaucoma_prob_mean": (classifier + linear) / 2,
        }


def _read(sample: Mapping[str, Any], key: str) -> Array | None:
    """Return an entry as an array, without the channel axis of a mask; None where it is absent."""
    value = sample.get(key)
    if value is None:
        return None
    array = np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value)
    return array[0] if array.ndim == 3 else array


def _label(sample: Mapping[str, Any], key: str) -> Array | None:
    """Return a label, or None where it is missing or a filler."""
    return _read(sample, key) if bool(sample.get(f"{key}_present", True)) else None


def _native_size(sample: Mapping[str, Any], pred: Mapping[str, Array | None]) -> tuple[float, float]:
    """Return height and width of the photograph, px: a predicted mask's, or what the reader noted, or NaN."""
    for mask in pred.values():
        if mask is not None and mask.ndim == 2:
            return float(mask.shape[0]), float(mask.shape[1])
    height, width = getattr(sample.get("image"), "meta", {}).get("spatial_shape", (nan, nan))
    return float(height), float(width)


def _reasons(pred: Mapping[str, Array | None], true: Mapping[str, Array | None]) -> str:
    """Say why a column of a task may be NaN, ``;`` between the reasons."""
    reasons = []
    for name in pred:
        sides = (pred[name], "not predicted", "not found"), (true[name], "not labelled", "labelled empty")
        for array, absent, empty in sides:
            if array is None:
                reasons.append(f"{name} {absent}")
            elif not array.any() if array.ndim == 2 else np.isnan(array).any():
                reasons.append(f"{name} {empty}")
    return "; ".join(reasons)
