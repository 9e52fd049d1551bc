from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import accuracy_score, f1_score, recall_score, roc_auc_score

from fundus_mtl.metrics import av

COLOURS = {".": (0, 0, 0), "R": (255, 0, 0), "B": (0, 0, 255), "G": (0, 255, 0)}
SETS = ("frame", "fov", "gt_vessel", "discovered")
quiet = settings(deadline=None, derandomize=True, max_examples=50)
shape = (5, 7)
masks = arrays(bool, shape)
truths = arrays(np.uint8, shape, elements=st.sampled_from([0, 0, 1, 2, 3]))
coarse = arrays(np.float32, shape, elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))  # many ties


def truth(*rows):
    return np.array([[COLOURS[letter] for letter in row] for row in rows], np.uint8)


def mask(*rows):
    return np.array([[letter == "x" for letter in row] for row in rows])


def colour(codes):
    return np.array([COLOURS[letter] for letter in ".RBG"], np.uint8)[codes]


TRUE = truth("RRB.", "RGB.", ".G..")
ARTERY = mask("xx..", ".x..", "x...")
VEIN = mask("..x.", ".x..", "...x")
VESSEL = mask("xx..", "xx..", "...x")
FOV = mask("xxx.", "xxx.", "xxx.")


def check(result, name, place, acc, f1, sens, spec, background):
    values = [result[f"{quantity}_{name}_{place}"] for quantity in ("acc", "f1", "sens", "spec")]
    assert values == pytest.approx([acc, f1, sens, spec])
    assert result[f"acc_{name}_{place}_background"] == pytest.approx(background)


def test_three_by_four_by_hand():
    result = av.evaluate(ARTERY, VEIN, VESSEL, TRUE, FOV)
    check(result, "artery", "frame", 9 / 12, 4 / 7, 2 / 3, 7 / 9, 9 / 12)  # TP 2, FP 2, FN 1, TN 7
    check(result, "artery", "fov", 6 / 9, 4 / 7, 2 / 3, 4 / 6, 6 / 9)  # TN 4
    check(result, "artery", "gt_vessel", 5 / 7, 4 / 6, 2 / 3, 3 / 4, 4 / 7)  # FP only on the crossing
    check(result, "artery", "discovered", 3 / 4, 4 / 5, 1.0, 1 / 2, 2 / 4)  # of RR, B, G one wrong
    check(result, "vein", "frame", 9 / 12, 2 / 5, 1 / 2, 8 / 10, 10 / 12)
    check(result, "vein", "fov", 7 / 9, 2 / 4, 1 / 2, 6 / 7, 7 / 9)
    check(result, "av", "frame", 7 / 12, 6 / 11, 3 / 5, 4 / 7, 7 / 12)
    check(result, "vessel", "frame", 8 / 12, 8 / 12, 4 / 7, 4 / 5, 5 / 12)
    check(result, "vessel", "fov", 6 / 9, 8 / 11, 4 / 7, 1.0, 2 / 9)


def test_crossings_as_both_or_left_out():
    both = av.evaluate(ARTERY, VEIN, VESSEL, TRUE, FOV, crossings="both")
    check(both, "artery", "frame", 9 / 12, 6 / 9, 3 / 5, 6 / 7, 7 / 12)
    check(both, "av", "frame", 7 / 12, 8 / 13, 4 / 7, 3 / 5, 5 / 12)
    ignore = av.evaluate(ARTERY, VEIN, VESSEL, TRUE, FOV, crossings="ignore")
    check(ignore, "artery", "frame", 8 / 10, 4 / 6, 2 / 3, 6 / 7, 7 / 10)
    check(ignore, "av", "frame", 6 / 10, 6 / 10, 3 / 5, 3 / 5, 5 / 10)
    assert ignore["acc_av_gt_vessel"] == pytest.approx(3 / 5)
    assert isnan(ignore["spec_av_gt_vessel"])
    default = av.evaluate(ARTERY, VEIN, VESSEL, TRUE, FOV)
    for result in (both, ignore):
        vessel = {key: value for key, value in result.items() if "_vessel_" in key.replace("gt_vessel", "")}
        assert vessel == pytest.approx({key: default[key] for key in vessel}, nan_ok=True)
    with pytest.raises(ValueError, match="expected one of neither, both, ignore, but got 'none'"):
        av.evaluate(ARTERY, VEIN, VESSEL, TRUE, crossings="none")


@settings(deadline=None, derandomize=True, max_examples=10)  # scikit-learn takes a quarter of a second for each
@given(truths, masks, masks, masks, masks, coarse, coarse, coarse)
def test_scikit_learn_agrees(codes, artery, vein, vessel, fov, artery_prob, vein_prob, vessel_prob):
    """Pixel lists picked one by one, measured by scikit-learn."""
    result = av.evaluate(
        artery, vein, vessel, colour(codes), fov, artery_prob=artery_prob, vein_prob=vein_prob, vessel_prob=vessel_prob
    )
    cases = {
        "artery": (codes == 1, artery, artery_prob, artery | vein),
        "vein": (codes == 2, vein, vein_prob, artery | vein),
        "av": (np.isin(codes, (1, 2)), artery | vein, np.maximum(artery_prob, vein_prob), artery | vein),
        "vessel": (codes > 0, vessel, vessel_prob, vessel),
    }
    for name, (true, pred, prob, found) in cases.items():
        sets = {"frame": true | ~true, "fov": fov, "gt_vessel": codes > 0, "discovered": (codes > 0) & found}
        for place, pixels in sets.items():
            y, p, s = true[pixels], pred[pixels], prob[pixels]
            expected = {
                "acc": accuracy_score(y, p) if len(y) else nan,
                "f1": f1_score(y, p, zero_division=nan) if len(y) else nan,
                "sens": recall_score(y, p, zero_division=nan) if len(y) else nan,
                "spec": recall_score(~y, ~p, zero_division=nan) if len(y) else nan,
                "auc": roc_auc_score(y, s) if 0 < y.sum() < len(y) else nan,
                "background": accuracy_score(y, np.zeros_like(p)) if len(y) else nan,
            }
            got = {quantity: result.get(f"{quantity}_{name}_{place}") for quantity in expected}
            got["background"] = result[f"acc_{name}_{place}_background"]
            assert got == pytest.approx(expected, nan_ok=True), (name, place)


@quiet
@given(truths)
def test_a_perfect_prediction(codes):
    result = av.evaluate(codes == 1, codes == 2, codes > 0, colour(codes), codes < 9)
    measured = [value for key, value in result.items() if "background" not in key and not isnan(value)]
    assert set(measured) <= {1.0}
    assert isnan(result["f1_vein_frame"]) == (codes != 2).all()


@quiet
@given(truths, masks, masks, masks)
def test_turning_the_picture_and_swapping_the_classes(codes, artery, vein, vessel):
    """Turned and swapped, the numbers stay or change places; clDice aside, as a skeleton is not quite the turned one."""
    result = av.evaluate(artery, vein, vessel, colour(codes), artery)
    turned = av.evaluate(*(np.rot90(m) for m in (artery, vein, vessel, colour(codes), artery)))
    swapped = av.evaluate(vein, artery, vessel, colour(np.choose(codes, [0, 2, 1, 3])), artery)
    for key, value in result.items():
        if "cldice" not in key:
            assert turned[key] == pytest.approx(value, nan_ok=True)
            other = key.replace("_artery_", "_*_").replace("_vein_", "_artery_").replace("_*_", "_vein_")
            assert swapped[other] == pytest.approx(value, nan_ok=True)


def test_the_area_under_the_curve_of_zeros_and_ones_is_the_balanced_accuracy():
    result = av.evaluate(ARTERY, VEIN, VESSEL, TRUE, artery_prob=ARTERY.astype(float))
    assert result["auc_artery_frame"] == pytest.approx((2 / 3 + 7 / 9) / 2)
    assert isnan(result["auc_vein_frame"])
    assert isnan(result["auc_av_frame"])


def test_a_painted_map_is_decoded_again():
    artery = np.array([[True, True, False], [False, False, False]])
    vein = np.array([[False, True, True], [False, False, False]])
    picture = av.paint(artery, vein)
    assert picture.dtype == np.uint8
    assert picture[0].tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    assert not picture[1].any()
    truth = av.decode(picture)
    assert (truth.artery == (artery & ~vein)).all()
    assert (truth.vein == (vein & ~artery)).all()
    assert (truth.crossing == (artery & vein)).all()
