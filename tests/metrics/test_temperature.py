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
    rows = [
        {"glaucoma_prob": p, "glaucoma_true": y}
        for p, y in zip([0.9] * 4 + [0.1] * 4, [1, 1, 1, 0, 0, 0, 0, 1], strict=True)
    ]
    fitted = fit_temperature([*rows, {"id": "failed"}], tmp_path / "models" / "calibration.json")
    loaded = Temperature.load(tmp_path / "models" / "calibration.json")
    assert (loaded.value, loaded.cases) == (fitted.value, 8)


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
