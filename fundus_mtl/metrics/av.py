r"""Metrics of artery, vein and vessel segmentation, as in the literature on HRF-AV and in MT-COOL's Table 3.

**Structures.** ``artery`` and ``vein``, each against all other pixels, and ``av``, their union, all three from the
artery/vein head; ``vessel``, from the vessel head, against all vessel pixels (arteries, veins and crossings).

**Crossings** (green) are by default neither artery nor vein, and not in their union. MT-COOL's numbers fit this
definition: accuracy and F1 give the true positives, :math:`TP = F_1 (1 - acc) / (2 (1 - F_1))`, and these give the sum
of predicted and true pixels, :math:`2 TP + 1 - acc`. Without crossings in any of the three structures, the predicted
arteries and veins add up to the predicted union within -0.1 to 0.2 % of the frame in all seven rows of the table, as
expected if every pixel has one class. With crossings in the union only, they would overlap by 0.4 to 0.7 %, which is
possible because the crossings are 0.5 %. With crossings in all three the overlap would be negative.
``crossings="both"`` counts crossings as artery, vein and union; ``"ignore"`` removes them from the pixel sets of these
three. Crossings always count as vessel.

**Pixel sets.** Published accuracies of the same masks range from 0.7 to 0.98, depending on the pixels counted:
``_frame``, all pixels of the photograph (MT-COOL); ``_fov``, pixels in the field of view; ``_gt_vessel``, true vessel
pixels; ``_discovered``, true vessel pixels that the structure's own head found (artery or vein; vessel). On the last
two sets some quantities have little meaning, because they contain no pixel outside the vessels.

**Quantities**, no units: ``acc``, ``f1``, ``sens``, ``spec``, ``auc`` (from probabilities; for the union, from the
larger of both), ``cldice``; and ``acc_…_background``, the accuracy if no pixel is predicted as vessel (its F1 is 0).
Because vessel pixels are few, this accuracy is close to that of a good network. A quantity is NaN if it is 0/0, the
pixel set is unknown (no field of view), or the prediction or probability was not passed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fundus_mtl.metrics._av_cldice import cldice
from fundus_mtl.metrics._av_inputs import as_probability, boolean_mask
from fundus_mtl.metrics._av_structure import measure, pixel_sets
from fundus_mtl.metrics._av_table3 import table3
from fundus_mtl.metrics._av_truth import ARTERY, CROSSING, CROSSINGS, VEIN, Mask, Truth, decode, paint

__all__ = ["ARTERY", "CROSSING", "VEIN", "Truth", "cldice", "decode", "evaluate", "paint", "table3"]


def evaluate(
    artery: ArrayLike | None,
    vein: ArrayLike | None,
    vessel: ArrayLike | None,
    true_rgb: ArrayLike,
    fov: ArrayLike | None = None,
    *,
    artery_prob: ArrayLike | None = None,
    vein_prob: ArrayLike | None = None,
    vessel_prob: ArrayLike | None = None,
    crossings: str = "neither",
    centrelines: bool = True,
) -> dict[str, float]:
    """Measure the predictions for one photograph.

    Args:
        artery: Boolean artery mask ``(H, W)`` from the artery/vein head, or None.
        vein: Boolean vein mask ``(H, W)``, or None; a pixel may be both artery and vein.
        vessel: Boolean vessel mask ``(H, W)`` from the vessel head, or None.
        true_rgb: True map ``(H, W, 3)`` uint8 in HRF-AV's colours; each pixel is assigned to the nearest of the four.
        fov: Boolean mask ``(H, W)`` of the field of view. Optional.
        artery_prob: Probability of artery ``(H, W)``, floating-point; used only for ``auc``. Optional.
        vein_prob: Probability of vein ``(H, W)``. Optional.
        vessel_prob: Probability of vessel ``(H, W)``. Optional.
        crossings: How a crossing counts for artery, vein and union: ``"neither"``, ``"both"`` or ``"ignore"``.
        centrelines: Whether to compute clDice, which takes most of the time; if not, it is NaN.

    Returns:
        ``{quantity}_{structure}_{set}`` and ``acc_{structure}_{set}_background``, always the same keys.

    Raises:
        ValueError: if an array has another shape or type, a probability is NaN, or ``crossings`` is unknown.
    """
    if crossings not in CROSSINGS:
        raise ValueError(f"crossings: expected one of {', '.join(CROSSINGS)}, but got {crossings!r}.")
    truth = decode(true_rgb)
    shape = truth.artery.shape
    pred = {
        name: boolean_mask(mask, name, shape) for name, mask in (("artery", artery), ("vein", vein), ("vessel", vessel))
    }
    prob = {
        name: as_probability(values, f"{name}_prob", shape)
        for name, values in (("artery", artery_prob), ("vein", vein_prob), ("vessel", vessel_prob))
    }
    pred["av"] = None if pred["artery"] is None or pred["vein"] is None else pred["artery"] | pred["vein"]
    prob["av"] = None if prob["artery"] is None or prob["vein"] is None else np.maximum(prob["artery"], prob["vein"])
    wanted, result = _wanted(truth, crossings), dict[str, float]()
    left_out = truth.crossing if crossings == "ignore" else None
    for head, found, ignored in ((("artery", "vein", "av"), pred["av"], left_out), (("vessel",), pred["vessel"], None)):
        sets = pixel_sets(wanted["vessel"], found, boolean_mask(fov, "fov", shape), ignored)
        for name in head:
            result |= measure(name, wanted[name], pred[name], prob[name], sets, centrelines)
    return result


def _wanted(truth: Truth, crossings: str) -> dict[str, Mask]:
    """Return the true mask of each structure."""
    artery, vein = truth.artery, truth.vein
    if crossings == "both":
        artery, vein = artery | truth.crossing, vein | truth.crossing
    vessel = truth.artery | truth.vein | truth.crossing
    return {"artery": artery, "vein": vein, "av": artery | vein, "vessel": vessel}
