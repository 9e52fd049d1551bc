import json
from math import exp, isnan, nan, tanh

import numpy as np
import pytest
from monai.bundle import ConfigParser
from sklearn.linear_model import LogisticRegression

from fundus_mtl.metrics import VCDRRegression, fit_vcdr_regression


@pytest.fixture
def data():
    generator = np.random.default_rng(5)
    labels = (np.arange(80) % 4 == 0).astype(float)
    return generator.normal(0.45 + 0.2 * labels, 0.1), labels


def test_curve_by_hand():
    regression = VCDRRegression(10.0, -6.0)
    np.testing.assert_allclose(regression.predict([0.6, 0.7, 0.5]), [0.5, 1 / (1 + exp(-1)), 1 / (1 + exp(1))])
    assert isnan(regression.predict(nan))
    assert float(regression.predict(0.8)) == pytest.approx((1 + tanh(1)) / 2)


def test_fit_is_sklearns(data):
    ratios, labels = data
    model = LogisticRegression(C=1.0, solver="lbfgs", random_state=0).fit(ratios[:, None], labels)
    regression = VCDRRegression.fit(np.r_[ratios, nan, 0.9], np.r_[labels, 1, nan])
    np.testing.assert_allclose(regression.predict(ratios), model.predict_proba(ratios[:, None])[:, 1])
    assert regression.coefficient > 0


def test_fit_is_stationary(data):
    """At the optimum of the penalised likelihood sum(p - y) = 0 and sum((p - y) x) = -a / C."""
    ratios, labels = data
    regression = VCDRRegression.fit(ratios, labels)
    rest = regression.predict(ratios) - labels
    np.testing.assert_allclose([rest.sum(), rest @ ratios], [0, -regression.coefficient], atol=2e-3)


def test_fit_needs_two_classes():
    with pytest.raises(ValueError, match="expected both classes, but got 2 negative and 0 positive cases with a ratio"):
        VCDRRegression.fit([0.4, 0.5, nan], [0, 0, 1])


def test_file_round_trip(tmp_path):
    regression = VCDRRegression(1 / 3, -0.1)
    regression.save(tmp_path / "vcdr.json")
    again = VCDRRegression.load(tmp_path / "vcdr.json")
    assert (again.coefficient, again.intercept) == (1 / 3, -0.1)
    assert [path.name for path in tmp_path.iterdir()] == ["vcdr.json"]
    config = {"_target_": "fundus_mtl.metrics.VCDRRegression.load", "path": str(tmp_path / "vcdr.json")}
    assert ConfigParser({"regression": config}).get_parsed_content("regression").coefficient == 1 / 3


@pytest.mark.parametrize(
    "content", [{}, [], {"coefficient": "1", "intercept": 2}, {"coefficient": nan, "intercept": 2}]
)
def test_a_wrong_file_raises(tmp_path, content):
    (tmp_path / "vcdr.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"vcdr.json: expected finite numbers coefficient and intercept, but got"):
        VCDRRegression.load(tmp_path / "vcdr.json")
    with pytest.raises(FileNotFoundError):
        VCDRRegression.load(tmp_path / "nothing.json")


def masks(cup_height):
    """A disc 40 px high in an (1, 60, 50) frame, and a cup of the given height."""
    disc, cup = np.zeros((1, 60, 50), np.uint8), np.zeros((1, 60, 50), np.uint8)
    disc[:, 10:50, 10:40] = 1
    cup[:, 12 : 12 + cup_height, 20:30] = 1
    return disc, cup


def test_fit_from_a_datalist(tmp_path):
    """Ratios 0.2 0.3 0.5 0.7; the item without a cup, the one without a label and the empty cup are skipped."""
    files, items = {}, []
    for index, (height, label) in enumerate([(8, 0), (12, 0), (20, 1), (28, 1), (0, 1)]):
        files[f"d{index}"], files[f"c{index}"] = masks(height)
        items.append({"id": str(index), "disc": f"d{index}", "cup": f"c{index}", "glaucoma": label})
    items += [{"id": "8", "disc": "d0", "glaucoma": 1}, {"id": "9", "disc": "d0", "cup": "c0"}]
    path = tmp_path / "models" / "vcdr.json"
    regression = fit_vcdr_regression(items, files.__getitem__, path)
    expected = VCDRRegression.fit([0.2, 0.3, 0.5, 0.7], [0, 0, 1, 1])
    assert (regression.coefficient, regression.intercept) == (expected.coefficient, expected.intercept)
    assert VCDRRegression.load(path).coefficient == expected.coefficient
    for few in (items[:2], []):  # the older file must not pass for theirs
        with pytest.warns(UserWarning, match="no regression of glaucoma on the cup-to-disc ratio"):
            assert fit_vcdr_regression(few, files.__getitem__, path) is None
        assert not path.exists()
