"""Compare the prediction and the truth of one photograph; a missing part gives no entry, or NaN."""

from __future__ import annotations

from math import hypot, nan
from typing import Any

from numpy.typing import NDArray

from fundus_mtl.biomarkers import clean_disc, contains, disc_measures, vertical_cdr
from fundus_mtl.metrics import refuge
from fundus_mtl.metrics._dice import dice

Array = NDArray[Any]


def outlines(
    pred_disc: Array | None, pred_cup: Array | None, true_disc: Array | None, true_cup: Array | None
) -> dict[str, float]:
    """Compare masks ``(H, W)`` of disc and cup, and their cup-to-disc ratios."""
    row = {"vcdr_pred": nan, "vcdr_true": nan}
    for name, pred, true in ("disc", pred_disc, true_disc), ("cup", pred_cup, true_cup):
        if pred is not None and true is not None:
            row[f"{name}_dice"] = dice(pred, true)
    if pred_disc is not None and pred_cup is not None:
        row["vcdr_pred"] = vertical_cdr(pred_disc, pred_cup)
    if true_disc is not None and true_cup is not None:
        row["vcdr_true"] = vertical_cdr(true_disc, true_cup)
        if pred_disc is not None and pred_cup is not None:
            codes = refuge.encode(pred_disc, pred_cup), refuge.encode(true_disc, true_cup)
            row |= {f"refuge_{name}": value for name, value in refuge.segmentation(*codes).items()}
    return {**row, "vcdr_abs_error": abs(row["vcdr_pred"] - row["vcdr_true"])}


def centre(pred: Array | None, true: Array | None) -> dict[str, float]:
    """Compare the centroids of two disc masks ``(H, W)``: distance, px, and whether the predicted one is inside."""
    if pred is None or true is None or not true.any():
        return {}
    if not pred.any():
        return {"disc_centre_inside": 0.0}  # the distance is unknown
    found, wanted = disc_measures(pred), disc_measures(true)
    right, down = (found[key] - wanted[key] for key in ("disc_cx_px", "disc_cy_px"))
    centre = found["disc_cx_px"], found["disc_cy_px"]
    return {"disc_centre_error_px": hypot(right, down), "disc_centre_inside": float(contains(clean_disc(true), centre))}


def fovea(pred: Array | None, true: Array | None, disc: Array | None, size: tuple[float, float]) -> dict[str, float]:
    """Return the distance of two points ``(x, y)``: in px, in px of an image of 256 x 256, and in true disc heights."""
    if pred is None or true is None:
        return {}
    right, down = (float(step) for step in pred - true)
    height = nan if disc is None else disc_measures(disc)["disc_height_px"]
    distance = hypot(right, down)
    return {
        "fovea_error_px": distance,
        "fovea_error_px256": hypot(right * 256 / size[1], down * 256 / size[0]),
        "fovea_error_dd": distance / height,
    }
