"""Mean ROC curves: by hand, against scikit-learn, and what the figure shows of them."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from fundus_mtl.figures._look import method_looks
from fundus_mtl.figures._mean_roc import mean_roc
from fundus_mtl.figures._roc_of_methods import roc_of_methods, roc_of_methods_figure
from fundus_mtl.metrics import auc, bootstrap_interval

HALF = [0.9, 0.8, 0.7, 0.1], [1, 0, 1, 0]  # bends at (0, 1/2), (1/2, 1/2), (1/2, 1); area 3/4
PERFECT = [0.9, 0.8, 0.3, 0.1], [1, 1, 0, 0]


def arrays(*trainings):
    return [(np.array(score, dtype=float), np.array(label, dtype=float)) for score, label in trainings]


def cases(*trainings, method="joint"):
    """One row per case; the trainings are seeds."""
    rows = [
        (method, 0, seed, i, label, score)
        for seed, training in enumerate(trainings)
        for i, (score, label) in enumerate(zip(*training, strict=True))
    ]
    return pd.DataFrame(rows, columns=["method", "fold", "seed", "id", "label", "score"])


def drawn(frame, methods=None, title=""):
    return roc_of_methods_figure(frame, methods, title, 40, 0)


def words(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_two_trainings_by_hand():
    curve = mean_roc(arrays(HALF, PERFECT))
    assert curve.false_positive.tolist() == [0, 0, 0.5, 0.5, 1, 1]
    assert curve.true_positive.tolist() == [0, 0.75, 0.75, 1, 1, 1]
    apart = 0.5 / 2**0.5  # of 1/2 and 1, n - 1
    assert curve.low.tolist() == pytest.approx([0, 0.75 - apart, 0.75 - apart, 1, 1, 1])
    assert curve.high.tolist() == pytest.approx([0, 1, 1, 1, 1, 1])  # cut at one
    assert (curve.area, curve.trainings) == (0.875, 2)
    assert (curve.area_low, curve.area_high) == pytest.approx((0.875 - apart / 2, 0.875 + apart / 2))


@pytest.mark.parametrize("seed", range(5))
def test_the_area_under_the_mean_is_the_mean_of_the_areas(seed):
    rng = np.random.default_rng(seed)
    trainings = [(rng.integers(0, 6, n).astype(float), rng.permutation(np.arange(n) % 3 == 0)) for n in (9, 20, 31)]
    curve = mean_roc([(score, label.astype(float)) for score, label in trainings])
    expected = np.mean([roc_auc_score(label, score) for score, label in trainings])
    assert curve.area == pytest.approx(expected)
    assert np.trapezoid(curve.true_positive, curve.false_positive) == pytest.approx(expected)
    assert (np.diff(curve.false_positive) >= 0).all()
    assert (np.diff(curve.true_positive) > -1e-12).all()


def test_one_training_has_a_bootstrap_band():
    rng = np.random.default_rng(1)
    label = np.repeat([0.0, 1.0], [30, 20])
    score = label + rng.normal(size=50)
    curve = mean_roc([(score, label)], resamples=200, seed=3)
    assert curve.trainings == 1
    assert (curve.area_low, curve.area_high) == bootstrap_interval((score, label), auc, 200, 3, strata=label)
    assert curve.area_low < curve.area < curve.area_high
    assert ((curve.low <= curve.true_positive) & (curve.true_positive <= curve.high)).mean() > 0.9
    assert (curve.high - curve.low).max() > 0.1
    again, other = (mean_roc([(score, label)], 200, seed) for seed in (3, 4))
    assert (again.low == curve.low).all()
    assert (other.low != curve.low).any()
    perfect = mean_roc(arrays(PERFECT), resamples=20)
    assert perfect.true_positive.tolist() == perfect.low.tolist() == [0, 1, 1, 1, 1, 1]


def test_what_is_not_known_is_left_out():
    gap = [*HALF[0], nan, inf, 0.5], [*HALF[1], 1, 0, nan]
    assert mean_roc(arrays(gap)).area == 0.75
    one_class = [0.1, 0.2, nan], [1, 1, 0]
    assert mean_roc(arrays(one_class)) is None
    assert mean_roc([]) is None
    curve = mean_roc(arrays(one_class, HALF, PERFECT))
    assert (curve.area, curve.trainings) == (0.875, 2)


def test_the_figure_shows_curve_band_and_area():
    frame = pd.concat([cases(HALF, PERFECT), cases(PERFECT, method="mao"), cases(([nan, 1], [0, 1]), method="none")])
    figure = drawn(frame, ["mao", "joint", "mamg"], "Glaucoma")
    (axes,) = figure.axes
    look = method_looks(["mao", "joint"])
    mao, joint, _ = axes.lines
    assert (joint.get_color(), joint.get_linestyle()) == (look["joint"].color, "--")
    assert joint.get_xydata().tolist() == [[0, 0], [0, 0.75], [0.5, 0.75], [0.5, 1], [1, 1], [1, 1]]
    assert mao.get_color() == look["mao"].color
    assert len(axes.collections) == 2
    assert words(figure) == [
        "mao: AUC 1.000 [1.000, 1.000] (n = 1)",
        "joint: AUC 0.875 ± 0.177 (n = 2)",
        "none: no training has scores of both classes",
    ]
    title = figure.get_suptitle()
    assert title.startswith("Glaucoma\nbands: ± 1 standard deviation")
    assert "bootstrap" in title
    assert "bootstrap" not in drawn(cases(HALF, PERFECT)).get_suptitle()
    assert axes.get_xlabel() == "1 - specificity (no unit)"
    box = figure.legends[0]
    figure.draw_without_rendering()
    assert not box.get_window_extent().overlaps(axes.get_window_extent())


def test_nothing_to_draw_and_what_is_refused():
    frame = cases(HALF)
    for nothing in pd.DataFrame(), frame.iloc[:0], frame.assign(score=nan), frame.assign(label=1):
        assert roc_of_methods(nothing) is None
    with pytest.raises(ValueError, match="cases: expected the columns .*, but got no seed, score"):
        roc_of_methods(frame.drop(columns=["seed", "score"]))
    with pytest.raises(ValueError, match="expected labels 0 or 1, but got 2"):
        roc_of_methods(frame.assign(label=2))
    with pytest.raises(
        ValueError, match="expected one row per method, fold, seed and id, but got several of case 0 of"
    ):
        roc_of_methods(frame.replace({"id": {3: 0}}))


def test_the_same_rows_are_the_same_bytes():
    first = roc_of_methods(cases(HALF), resamples=20)
    assert first.startswith(b"\x89PNG")
    assert first == roc_of_methods(cases(HALF), resamples=20)
