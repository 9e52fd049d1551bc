"""Temperature scaling."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from fundus_mtl.metrics import Temperature, auc, fit_temperature


def test_by_hand():
    """Scores 0.9 that are right three times of four: the calibrated score is 3/4, so T = logit(.9) / logit(.75) = 2."""
    found = Temperature.fit([0.9] * 4 + [0.1] * 4, [1, 1, 1, 0, 0, 0, 0, 1])
    assert found.value == pytest.approx(2.0, abs=1e-6)
    assert logit(0.9) / logit(0.75) == pytest.approx(2.0)
    assert found([0.9, 0.1]) == pytest.approx([0.75, 0.25], abs=1e-6)
    assert found.cases == 8


def test_the_temperature_that_made_the_scores_is_found_again():
    rng = np.random.default_rng(0)
    true = rng.uniform(0.02, 0.98, 20000)
    labels = rng.random(20000) < true
    assert Temperature.fit(expit(logit(true) * 3.0), labels).value == pytest.approx(3.0, rel=0.05)
    assert Temperature.fit(true, labels).value == pytest.approx(1.0, rel=0.05)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=4, max_size=30), st.floats(0.05, 20))
def test_the_order_stays(cases, value):
    scores, labels = np.array(cases, dtype=float).T
    calibrated = Temperature(value)(scores)
    assert ((calibrated >= 0) & (calibrated <= 1)).all()
    assert (np.diff(calibrated[np.argsort(scores)]) >= 0).all()
    if len(set(labels)) == 2 and len(np.unique(np.round(calibrated, 12))) == len(np.unique(scores)):
        assert auc(calibrated, labels) == pytest.approx(auc(scores, labels))


def test_tensors_stay_tensors_and_what_is_unknown_stays_unknown():
    scores = torch.tensor([0.0, 0.3, 1.0, float("nan")])
    found = Temperature(2.0)(scores)
    assert found.dtype == torch.float32
    assert np.allclose(found.numpy(), Temperature(2.0)(scores.numpy()), atol=1e-6, equal_nan=True)
    assert torch.isnan(found[3])
    assert 0 < found[0] < 0.01
    known = Temperature.fit([0.9, 0.9, 0.1, np.nan, 0.2], [1, 0, 0, 1, np.nan])
    assert known.cases == 3


def test_it_is_saved_as_json(tmp_path):
    rows = 3 * [
        {"glaucoma_prob_classifier": p, "glaucoma_true": y}
        for p, y in zip([0.9] * 4 + [0.1] * 4, [1, 1, 1, 0, 0, 0, 0, 1], strict=True)
    ]
    fitted = fit_temperature([*rows, {"id": "failed"}], tmp_path / "models" / "calibration.json")
    loaded = Temperature.load(tmp_path / "models" / "calibration.json")
    assert (loaded.value, loaded.cases) == (fitted.value, 24)
    assert fitted.value == pytest.approx(2.0, abs=1e-6)


def cases(positives, negatives):
    pairs = [(score, 1) for score in positives] + [(score, 0) for score in negatives]
    return [{"glaucoma_prob_classifier": score, "glaucoma_true": label} for score, label in pairs]


@pytest.mark.parametrize("positives, negatives", [(9, 30), (30, 9), (3, 3), (0, 30)])
def test_too_few_cases_of_a_class_are_refused(positives, negatives, tmp_path):
    rng = np.random.default_rng(0)
    rows = cases(rng.uniform(0.3, 1, positives), rng.uniform(0, 0.7, negatives))
    message = (
        f"glaucoma_true: expected at least 10 cases of each class .* but got {negatives} of 0 and {positives} of 1"
    )
    with pytest.raises(ValueError, match=message):
        fit_temperature(
            [*rows, {"glaucoma_prob_classifier": np.nan, "glaucoma_true": 1}], tmp_path / "calibration.json"
        )
    assert not (tmp_path / "calibration.json").exists()


@pytest.mark.parametrize(
    "positives, negatives, message",
    [
        ([0.7] * 10 + [0.9], [0.2] * 11, "22 cases whose scores separate the classes completely"),
        ([0.3] * 12, [0.3] * 40, "expected scores that differ, but got 0.3 for all 52 cases"),
        ([0.2, 0.3] * 6, [0.7, 0.8] * 6, "24 cases whose scores do not tell the classes apart"),
        ([0.5001, 0.5002, 0.4999] * 6, [0.4999, 0.4998, 0.4997, 0.5001] * 6, "42 cases whose scores are all near 0.5"),
        ([1.5, 0.2] * 6, [0.1] * 12, "expected numbers from 0 to 1, but got 0.1 to 1.5; give probabilities"),
    ],
)
def test_scores_without_a_temperature_are_refused(positives, negatives, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        fit_temperature(cases(positives, negatives), tmp_path / "calibration.json")
    assert not (tmp_path / "calibration.json").exists()


def test_scores_that_separate_at_another_threshold_are_fitted_with_a_warning(caplog):
    """Separated at 0.6, not at 0.5: one class has scores of both answers, so that a best temperature exists."""
    found = Temperature.fit([0.65, 0.7, 0.8, 0.9, 0.55, 0.45, 0.3, 0.55], [1, 1, 1, 1, 0, 0, 0, 0])
    assert 0.05 < found.value < 20
    assert "separate the classes: the temperature is uncertain" in caplog.text


@pytest.mark.parametrize("value", [0.023, 0.0499, 20.1, 54.6])
def test_temperatures_that_no_network_has_are_refused(value, tmp_path):
    with pytest.raises(ValueError, match=f"expected a number from 0.05 to 20, but got {value}; calibrate again"):
        Temperature(value)
    (tmp_path / "c.json").write_text(f'{{"temperature": {value}}}')
    with pytest.raises(ValueError, match="expected a number from 0.05 to 20"):
        Temperature.load(tmp_path / "c.json")


@pytest.mark.parametrize(
    "text", ["[]", '{"temperature": "2"}', '{"temperature": true}', '{"temperature": -1}', '{"temperature": NaN}']
)
def test_another_file_raises(text, tmp_path):
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(
        ValueError, match="temperature: expected a positive number|expected a number under the key temperature"
    ):
        Temperature.load(tmp_path / "c.json")


def test_one_class_raises():
    with pytest.raises(ValueError, match="expected both classes, but got 2 cases of one"):
        Temperature.fit([0.1, 0.2, 0.3], [1, 1, np.nan])
