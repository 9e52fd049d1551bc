from math import isnan, nan

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from monai.metrics import DiceMetric

from fundus_mtl.metrics import dice, refuge, sensitivity_at_specificity

quiet = settings(deadline=None, derandomize=True, max_examples=60)
codes = arrays(np.uint8, (6, 9), elements=st.sampled_from([0, 128, 255]))
masks = arrays(bool, (6, 9))


def test_dice_by_hand():
    """Two pixels against three, one shared: 2 / 5."""
    assert dice([[1, 1, 0, 0]], [[0, 255, 255, 255]]) == 0.4
    assert dice([[0, 0]], [[0, 1]]) == dice([[1, 0]], [[0, 0]]) == dice([[1, 0]], [[0, 1]]) == 0.0
    assert isnan(dice([[0, 0]], [[0, 0]]))
    with pytest.raises(ValueError, match=r"expected the shape of true \(1, 2\), but got \(2, 1\)"):
        dice([[0], [1]], [[0, 1]])


@quiet
@given(masks, masks)
def test_dice_is_that_of_monai(pred, true):
    metric = DiceMetric(ignore_empty=False)
    expected = metric(torch.tensor(pred[None, None]), torch.tensor(true[None, None])).item()
    if pred.any() or true.any():
        assert dice(pred, true) == pytest.approx(expected)
        assert dice(pred, true) == dice(true, pred)


@quiet
@given(codes, codes)
def test_segmentation_is_the_official_definition(pred, true):
    """Written out with Python's sets and loops."""

    def pixels(image, wanted):
        return {(r, c) for r in range(6) for c in range(9) if wanted(image[r, c])}

    def ratio(image):
        tallest = [max(sum(bool(w(image[r, c])) for r in range(6)) for c in range(9)) for w in (is_cup, is_disc)]
        return tallest[0] / (tallest[1] + 1e-7)

    def is_cup(code):
        return code == 0

    def is_disc(code):
        return code < 255

    result = refuge.segmentation(pred, true)
    for name, wanted in ("cup_dice", is_cup), ("disc_dice", is_disc):
        one, other = pixels(pred, wanted), pixels(true, wanted)
        size = len(one) + len(other)
        assert result[name] == pytest.approx(2 * len(one & other) / size if size else nan, nan_ok=True)
    assert (result["vcdr_pred"], result["vcdr_true"]) == (ratio(pred), ratio(true))
    assert result["ae_cdr"] == abs(ratio(pred) - ratio(true))


def test_segmentation_of_nothing():
    nothing = np.full((4, 5), 255, np.uint8)
    result = refuge.segmentation(nothing, nothing)
    assert isnan(result["cup_dice"])
    assert isnan(result["disc_dice"])
    assert (result["vcdr_pred"], result["vcdr_true"], result["ae_cdr"]) == (0.0, 0.0, 0.0)


@quiet
@given(masks, masks)
def test_codes_say_what_is_cup_and_disc(disc, cup):
    encoded = refuge.encode(disc.astype(np.uint8) * 255, cup)
    assert encoded.dtype == np.uint8
    np.testing.assert_array_equal(encoded == 0, cup)
    np.testing.assert_array_equal(encoded < 255, disc | cup)
    assert set(np.unique(encoded)) <= {0, 128, 255}


def test_codes_of_different_shapes_raise():
    with pytest.raises(ValueError, match=r"expected one shape \(H, W\), but got \(4, 5\) and \(5, 4\)"):
        refuge.encode(np.zeros((4, 5)), np.zeros((5, 4)))


def test_the_official_sensitivity_is_defective():
    """A perfect classifier gets 0.15; the correct measure gives 1."""
    scores, labels = np.r_[np.linspace(0, 0.4, 20), np.linspace(0.6, 1, 5)], np.r_[np.zeros(20), np.ones(5)]
    assert refuge.reference_sensitivity(scores, labels) == pytest.approx(0.15)
    assert sensitivity_at_specificity(scores, labels) == 1.0


def test_the_official_sensitivity_interpolates():
    """The curve (specificity, sensitivity) runs (1, 0) (1, .5) (.8, .5) (.8, 1) (0, 1), so that 0.85 reaches 0.5.

    The official line leads from (.8, 1), the last point there, to (1, 0), the first one there: 0.75.
    """
    scores, labels = [0.9, 0.8, 0.7, 0.3, 0.2, 0.1, 0.05], [1, 0, 1, 0, 0, 0, 0]
    assert refuge.reference_sensitivity(scores, labels) == pytest.approx(0.75)
    assert sensitivity_at_specificity(scores, labels) == 0.5
    assert refuge.reference_sensitivity([*scores, nan], [*labels, 1]) == pytest.approx(0.75)
    assert isnan(refuge.reference_sensitivity([0.1, 0.2], [1, 1]))
    assert isnan(refuge.reference_sensitivity([], []))


def test_the_official_sensitivity_follows_a_slope():
    """Ties: thresholds .8 and .2 give (specificity, sensitivity) (.9, .4) and (.7, .8), 0.85 lies a quarter of the way."""
    scores = np.r_[np.full(1, 0.8), np.full(2, 0.2), np.zeros(7), np.full(2, 0.8), np.full(2, 0.2), np.zeros(1)]
    labels = np.r_[np.zeros(10), np.ones(5)]
    assert refuge.reference_sensitivity(scores, labels) == pytest.approx(0.4 + 0.4 * 0.05 / 0.2)


def test_fovea_error_by_hand():
    """Distances 5, 13 and 0; the last case has no label."""
    pred, true = [[3.0, 4.0], [5.0, 12.0], [7.0, 7.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 0.0], [7.0, 7.0], [nan, nan]]
    assert refuge.fovea_error(pred, true) == 6.0
    assert refuge.fovea_error((3, 4), (0, 0)) == 5.0
    assert isnan(refuge.fovea_error((3, 4), (nan, 0)))
    assert isnan(refuge.fovea_error(np.zeros((0, 2)), np.zeros((0, 2))))
    with pytest.raises(ValueError, match=r"expected the same shape \(2,\) or \(N, 2\), but got \(2,\) and \(1, 2\)"):
        refuge.fovea_error((3, 4), [(0, 0)])
