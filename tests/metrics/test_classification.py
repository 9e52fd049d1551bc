from math import isnan, nan

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from fundus_mtl.metrics import accuracy, auc, sensitivity, sensitivity_at_specificity, specificity

RULES = [accuracy, auc, sensitivity, specificity, sensitivity_at_specificity]
quiet = settings(deadline=None, derandomize=True, max_examples=80)
cases = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 1)), min_size=2, max_size=40)


def test_by_hand():
    """Negatives .1 .2 .5 .6, positives .5 .9: of 8 pairs 6 are in order and one is a tie."""
    scores, labels = [0.1, 0.2, 0.5, 0.6, 0.5, 0.9], [0, 0, 0, 0, 1, 1]
    assert auc(scores, labels) == 6.5 / 8
    assert (accuracy(scores, labels), accuracy(scores, labels, 0.6)) == (4 / 6, 4 / 6)
    assert (accuracy(scores, labels, 0.05), accuracy(scores, labels, 0.95)) == (2 / 6, 4 / 6)
    assert (sensitivity(scores, labels), specificity(scores, labels)) == (1.0, 0.5)
    assert (sensitivity(scores, labels, 0.6), specificity(scores, labels, 0.6)) == (0.5, 0.75)
    assert sensitivity_at_specificity(scores, labels, 0.5) == 1.0
    assert sensitivity_at_specificity(scores, labels, 0.51) == 0.5
    assert sensitivity_at_specificity(scores, labels, 1.0) == 0.5


def test_a_specificity_that_is_just_reached_counts():
    """17 of 20 negatives below the only positive: exactly 0.85, however binary fractions round."""
    for twenty in (20, 40, 100, 400):
        scores = np.r_[np.arange(twenty), 0.85 * twenty - 0.5]
        assert sensitivity_at_specificity(scores, np.r_[np.zeros(twenty), 1]) == 1.0
        scores[-1] -= 1
        assert sensitivity_at_specificity(scores, np.r_[np.zeros(twenty), 1]) == 0.0


@quiet
@given(cases)
def test_auc_is_that_of_sklearn(pairs):
    scores, labels = np.array(pairs, dtype=float).T
    assume(len(set(labels)) == 2)
    assert auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))
    assert auc(-scores, labels) == pytest.approx(1 - auc(scores, labels))


@quiet
@given(cases, st.sampled_from([0.0, 0.25, 0.5, 0.85, 1.0]))
def test_best_sensitivity_is_the_best_point_of_sklearns_full_curve(pairs, least):
    scores, labels = np.array(pairs, dtype=float).T
    assume(len(set(labels)) == 2)
    false_positive, true_positive, _ = roc_curve(labels, scores, drop_intermediate=False)
    allowed = false_positive <= 1 - least + 1e-12
    assert sensitivity_at_specificity(scores, labels, least) == pytest.approx(true_positive[allowed].max())


@pytest.mark.parametrize("rule", RULES)
def test_unknown_cases_change_nothing(rule):
    scores, labels = [0.1, 0.6, 0.4, 0.9], [0, 0, 1, 1]
    assert rule([*scores, nan, 0.99, nan], [*labels, 1, nan, nan]) == rule(scores, labels)


@pytest.mark.parametrize("rule", RULES)
def test_missing_class_is_nan(rule):
    assert isnan(rule([], []))
    assert isnan(auc([0.3, 0.4], [1, 1]))
    assert isnan(sensitivity([0.3, 0.4], [0, 0]))
    assert isnan(specificity([0.3, 0.4], [1, 1]))
    assert isnan(sensitivity_at_specificity([0.3, 0.4], [1, 1]))
    assert isnan(sensitivity_at_specificity([0.3, 0.4], [0, 0]))


@pytest.mark.parametrize("rule", RULES)
def test_bad_labels_raise(rule):
    with pytest.raises(ValueError, match=r"expected one per score \(2\), but got 3"):
        rule([0.1, 0.2], [0, 1, 1])
    with pytest.raises(ValueError, match=r"expected 0 or 1, but got -1; NaN is unknown"):
        rule([0.1, 0.2], [-1, 1])
