from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from fundus_mtl.metrics import rank_correlation


def test_by_hand():
    """Ranks 1 2 3 4 against 2 1 3 4: 1 - 6 * 2 / (4 * 15)."""
    assert rank_correlation([0.1, 0.2, 0.7, 0.9], [5, 3, 6, 7]) == pytest.approx(0.8)
    assert rank_correlation([1, 2, 3], [9, 8, 7]) == pytest.approx(-1)


def test_unknown_cases_are_left_out():
    assert rank_correlation([0, 1, math.nan, 5], [0, 1, 0.5, math.nan]) == pytest.approx(1)
    assert math.isnan(rank_correlation([1], [1]))
    assert math.isnan(rank_correlation([1, 1, 1], [1, 2, 3]))
    assert math.isnan(rank_correlation([], []))
    with pytest.raises(ValueError, match=r"expected one per score \(2\), but got 3"):
        rank_correlation([1, 2], [1, 2, 3])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=20))
def test_oracle_and_invariance(pairs):
    """scipy's, ties included; a rising function of the scores changes nothing."""
    scores, labels = np.array(pairs, dtype=float).T
    found = rank_correlation(scores, labels)
    assert rank_correlation(np.exp(scores), labels) == pytest.approx(found, nan_ok=True)
    if np.ptp(scores) and np.ptp(labels):
        assert found == pytest.approx(spearmanr(scores, labels).statistic)
    else:
        assert math.isnan(found)
