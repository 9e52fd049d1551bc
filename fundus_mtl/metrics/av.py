r"""How well arteries, veins and vessels are segmented, as HRF-AV's literature and MT-COOL's Table 3 measure it.

**Structures.** ``artery`` and ``vein``, each against the rest, and ``av``, their union against the rest, all three from
the artery/vein head; ``vessel``, from the vessel head, against every vessel pixel: arteries, veins and crossings.

**Crossings** (green) are by default neither artery nor vein, and so not in their union: that is MT-COOL's reading as
far as its own numbers tell. Accuracy and F1 give the true positives, :math:`TP = F_1 (1 - acc) / (2 (1 - F_1))`, and
these the sum of predicted and true pixels, :math:`2 TP + 1 - acc`. Without crossings in any of the three, the predicted
arteries and veins add up to the predicted union within -0.1 to 0.2 % of the frame in all seven rows, as they do where
a pixel has one class, whichever photographs were tested. With crossings in the union alone the two would overlap by
0.4 to 0.7 %, more or less what the crossings are (0.5 %): possible; with crossings in all three, by less than nothing.
``crossings="both"`` counts them as artery, vein and union; ``"ignore"`` leaves them out of the three's pixel sets. They
are vessel in any case.

**Pixel sets**, since accuracies of 0.98 and 0.7 are quoted for the same masks: ``_frame``, all pixels of the photograph
(MT-COOL); ``_fov``, those in the field of view; ``_gt_vessel``, vessel in the truth; ``_discovered``, vessel in the
truth *and* found as vessel by the structure's own head (artery or vein; vessel). On the last two some quantities mean
little: no pixel outside the vessels can be got wrong there.

**Quantities**, no units: ``acc``, ``f1``, ``sens``, ``spec``, ``auc`` (from probabilities; of the union, the greater of
the two), ``cldice``; and ``acc_…_background``, the accuracy of the guess that there is no vessel at all (its F1 is 0),
because with so few vessel pixels it nearly reaches that of a good network. NaN: 0/0, a set that is not known (no
field of view), or a prediction or probability that was not given.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fundus_mtl.metrics._av_cldice import cldice
from fundus_mtl.metrics._av_inputs import as_mask, as_probability
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
        artery: mask ``(H, W)`` of booleans from the artery/vein head; None where there is none.
        vein: likewise; a pixel may be both.
        vessel: likewise, from the vessel head.
        true_rgb: the truth ``(H, W, 3)`` uint8 in HRF-AV's colours, each pixel taken for the nearest of the four.
        fov: mask ``(H, W)`` of booleans, the lit part of the photograph.
        artery_prob: floating-point ``(H, W)``, higher means rather artery; only ``auc`` uses it.
        vein_prob: likewise.
        vessel_prob: likewise.
        crossings: what a crossing is to artery, vein and union: ``"neither"``, ``"both"`` or ``"ignore"``.
        centrelines: whether to take clDice, which is most of the time; NaN otherwise.

    Returns:
        ``{quantity}_{structure}_{set}`` and ``acc_{structure}_{set}_background``, always the same keys.

    Raises:
        ValueError: if a shape or type is not as said, a probability is NaN, or ``crossings`` is unknown.
    """
    if crossings not in CROSSINGS:
        raise ValueError(f"crossings: expected one of {', '.join(CROSSINGS)}, but got {crossings!r}.")
    truth = decode(true_rgb)
    shape = truth.artery.shape
    pred = {name: as_mask(mask, name, shape) for name, mask in (("artery", artery), ("vein", vein), ("vessel", vessel))}
    prob = {
        name: as_probability(values, f"{name}_prob", shape)
        for name, values in (("artery", artery_prob), ("vein", vein_prob), ("vessel", vessel_prob))
    }
    pred["av"] = None if pred["artery"] is None or pred["vein"] is None else pred["artery"] | pred["vein"]
    prob["av"] = None if prob["artery"] is None or prob["vein"] is None else np.maximum(prob["artery"], prob["vein"])
    wanted, result = _wanted(truth, crossings), dict[str, float]()
    left_out = truth.crossing if crossings == "ignore" else None
    for head, found, ignored in ((("artery", "vein", "av"), pred["av"], left_out), (("vessel",), pred["vessel"], None)):
        sets = pixel_sets(wanted["vessel"], found, as_mask(fov, "fov", shape), ignored)
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
