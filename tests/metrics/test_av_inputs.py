from math import isnan, nan
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fundus_mtl.metrics import av
from tests.metrics.test_av import ARTERY, COLOURS, FOV, TRUE, VEIN, VESSEL, truth

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "hrf_av"


def test_what_is_missing_is_nan_under_the_same_names():
    everything = av.evaluate(ARTERY, VEIN, VESSEL, TRUE, FOV)
    assert len(everything) == 4 * 4 * 7
    result = av.evaluate(None, VEIN, None, TRUE)
    assert list(result) == list(everything)
    known = {key for key, value in result.items() if not isnan(value)}
    quantities = ("acc", "f1", "sens", "spec")
    expected = {f"{quantity}_vein_{place}" for quantity in quantities for place in ("frame", "gt_vessel")}
    background = {
        f"acc_{name}_{place}_background"
        for name in ("artery", "vein", "av", "vessel")
        for place in ("frame", "gt_vessel")
    }
    assert known - {"cldice_vein_frame", "cldice_vein_gt_vessel"} == expected | background


def test_nothing_to_find_and_nothing_found():
    black, nothing = truth("....", "....", "...."), np.zeros((3, 4), bool)
    result = av.evaluate(nothing, nothing, nothing, black)
    assert result["acc_artery_frame"] == result["spec_vessel_frame"] == result["acc_vein_frame_background"] == 1.0
    for key in ("f1_artery_frame", "sens_vein_frame", "cldice_vessel_frame", "acc_av_gt_vessel", "acc_vein_discovered"):
        assert isnan(result[key])
    missed = av.evaluate(nothing, nothing, nothing, TRUE)
    invented = av.evaluate(ARTERY, VEIN, VESSEL, black)
    for result in (missed, invented):
        for name in ("artery", "vein", "av", "vessel"):
            assert result[f"f1_{name}_frame"] == result[f"cldice_{name}_frame"] == 0.0


def test_a_pixel_takes_the_nearest_colour():
    codes = {(130, 10, 60): "artery", (127, 127, 127): None, (20, 40, 200): "vein", (90, 128, 127): "crossing"}
    rgb = np.array([list(codes)], np.uint8)
    rng = np.random.default_rng(0)
    for pixels in (rgb, rng.integers(0, 256, (40, 50, 3)).astype(np.uint8)):
        corners = np.array([COLOURS[letter] for letter in ".RBG"], int)
        near = ((pixels[:, :, None].astype(int) - corners) ** 2).sum(axis=-1)
        nearest = near.argmin(axis=-1)
        unclear = np.sort(near, axis=-1)
        assert (unclear[..., 0] < unclear[..., 1]).mean() > 0.9
        nearest[unclear[..., 0] == unclear[..., 1]] = 3
        result = av.evaluate(nearest == 1, nearest == 2, nearest > 0, pixels)
        assert [result[f"f1_{name}_frame"] for name in ("artery", "vein", "av", "vessel")] == [1.0] * 4
    white = np.full((1, 2, 3), 255, np.uint8)
    assert av.evaluate(None, None, None, white)["acc_av_frame_background"] == 1.0
    assert av.evaluate(None, None, None, white)["acc_vessel_frame_background"] == 0.0


@pytest.mark.parametrize(
    "change, message",
    [
        ({"true_rgb": TRUE[..., 0]}, r"true_rgb: expected shape \(H, W, 3\), but got \(3, 4\)"),
        ({"true_rgb": TRUE[:0]}, r"true_rgb: expected shape \(H, W, 3\), but got \(0, 4, 3\)"),
        ({"true_rgb": TRUE / 255}, "true_rgb: expected uint8 from 0 to 255, but got float64"),
        ({"artery": ARTERY.astype(np.uint8)}, "artery: expected booleans, but got uint8; apply a threshold first"),
        ({"vein": VEIN.T}, r"vein: expected the truth's shape \(3, 4\), but got \(4, 3\)"),
        ({"vessel": VESSEL[None]}, r"vessel: expected the truth's shape \(3, 4\), but got \(1, 3, 4\)"),
        ({"fov": FOV[1:]}, r"fov: expected the truth's shape \(3, 4\), but got \(2, 4\)"),
        ({"artery_prob": ARTERY}, "artery_prob: expected floating-point numbers, but got bool"),
        ({"vein_prob": np.zeros((4, 3))}, r"vein_prob: expected the truth's shape \(3, 4\), but got \(4, 3\)"),
        ({"vessel_prob": np.full((3, 4), nan)}, "vessel_prob: expected a number in every pixel, but got NaN"),
    ],
)
def test_wrong_input_raises(change, message):
    given_ = {"artery": ARTERY, "vein": VEIN, "vessel": VESSEL, "true_rgb": TRUE}
    with pytest.raises(ValueError, match=message):
        av.evaluate(**(given_ | change))


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here: the real HRF-AV maps cannot be read")
def test_the_all_background_guess_on_real_photographs():
    """0.967 artery, 0.961 vein, 0.923 vessel over all 45; these three differ from that by their own share of vessels."""
    rows = []
    for name in ("04_dr", "09_g", "11_h"):
        with Image.open(SHARED / "av_gt" / f"{name}_AVmanual.png") as picture:
            rows.append(av.evaluate(None, None, None, np.asarray(picture.convert("RGB"))))
    means = [np.mean([row[f"acc_{name}_frame_background"] for row in rows]) for name in ("artery", "vein", "vessel")]
    assert means == pytest.approx([0.967, 0.961, 0.923], abs=0.015)
