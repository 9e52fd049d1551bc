import itertools
from math import inf, isnan, nan

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from fundus_mtl.metrics import holm, paired_tests

COLUMNS = ["mean_difference", "n", "t_p", "t_p_holm", "wilcoxon_p", "wilcoxon_p_holm", "reason"]


def folds_and_seeds(folds=5, seeds=1):
    return pd.MultiIndex.from_product([range(folds), range(seeds)], names=["fold", "seed"])


def sign_flips(differences):
    """Wilcoxon's p by its definition: the share of all sign patterns whose smaller rank sum is as small."""
    differences = [d for d in differences if d]
    ranks = scipy.stats.rankdata(np.abs(differences))

    def smaller(signs):
        up = ranks[np.array(signs) > 0].sum()
        return min(up, ranks.sum() - up)

    patterns = list(itertools.product((-1, 1), repeat=len(ranks)))
    return np.mean([smaller(signs) <= smaller(np.sign(differences)) for signs in patterns])


def test_by_hand():
    """Differences 1 2 3 4: mean 2.5, s = 1.29, t = 2.5 / (1.29 / 2) = 3.873 on 3 df; Wilcoxon 2 / 16, all one sign."""
    tests = paired_tests({"joint": [5.0, 5.0, 5.0, 5.0], "ours": [6.0, 7.0, 8.0, 9.0]}, against="joint")
    assert list(tests.columns) == COLUMNS
    assert list(tests.index) == ["ours"]
    row = tests.loc["ours"]
    assert (row["mean_difference"], row["n"], row["reason"]) == (2.5, 4, "")
    assert row["t_p"] == pytest.approx(2 * scipy.stats.t.sf(2.5 / (np.sqrt(5 / 3) / 2), 3))
    assert row["wilcoxon_p"] == row["wilcoxon_p_holm"] == 0.125
    assert row["t_p_holm"] == row["t_p"]


def test_against_scipy():
    generator = np.random.default_rng(1)
    table = pd.DataFrame(generator.normal(0.9, 0.02, (15, 4)), columns=list("abcd"), index=folds_and_seeds(5, 3))
    tests = paired_tests(table, against="c")
    assert list(tests.index) == ["a", "b", "d"]
    for name in "abd":
        assert tests.loc[name, "t_p"] == pytest.approx(scipy.stats.ttest_rel(table[name], table["c"]).pvalue)
        assert tests.loc[name, "wilcoxon_p"] == scipy.stats.wilcoxon(table[name], table["c"], method="exact").pvalue
        assert tests.loc[name, "mean_difference"] == pytest.approx(table[name].mean() - table["c"].mean())
    for test in ("t_p", "wilcoxon_p"):
        np.testing.assert_allclose(tests[f"{test}_holm"], holm(tests[test]))
    assert tests["n"].tolist() == [15] * 3


@pytest.mark.parametrize("differences", [[1, -1, 2], [1, 1, -1, 2, 3], [0, 1, 2, 2, -2, 3], [1, 1, 1, 1, 2], [3, 0, 0]])
def test_ties_and_zeros_are_exact_too(differences):
    tests = paired_tests({"a": np.array(differences) / 40 + 0.5, "b": [0.5] * len(differences)}, against="b")
    assert tests.loc["a", "wilcoxon_p"] == pytest.approx(sign_flips(differences))
    zeros = differences.count(0)
    assert tests.loc["a", "reason"] == (f"{zeros} of {len(differences)} differences are 0" if zeros else "")


def test_a_zero_leaves_the_others_exact():
    differences = np.random.default_rng(4).normal(0.3, 1, 20)
    tests = paired_tests({"a": [*differences, 0.0], "b": [0.0] * 21}, against="b")
    assert tests.loc["a", "wilcoxon_p"] == scipy.stats.wilcoxon(differences, method="exact").pvalue


def test_rounding_noise_breaks_no_ties():
    """Differences of 0.1 five times, up or down: computed as they are, 0.9 - 0.8 and 0.7 - 0.6 are not equal."""
    a, b = [0.9, 0.7, 0.4, 0.3, 0.2], [0.8, 0.6, 0.3, 0.2, 0.3]
    noisy = np.subtract(a, b)
    assert len(set(np.abs(noisy))) > 1
    assert paired_tests({"a": a, "b": b}, "b").loc["a", "wilcoxon_p"] == sign_flips([1, 1, 1, 1, -1]) == 0.375
    assert paired_tests({"a": [0.1 + 0.2, 0.5], "b": [0.3, 0.4]}, "b").loc["a", "reason"] == "1 of 2 differences are 0"
    small = paired_tests({"a": np.multiply(a, 1e-20), "b": np.multiply(b, 1e-20)}, "b").loc["a"]
    assert small["wilcoxon_p"] == 0.375


def test_lower_is_better_turns_the_difference_only():
    values = {"a": [1.0, 2.0, 4.0], "b": [2.0, 4.0, 5.0]}
    up, down = paired_tests(values, "b"), paired_tests(values, "b", lower_is_better=True)
    assert up.loc["a", "mean_difference"] == pytest.approx(-4 / 3)
    assert down.loc["a", "mean_difference"] == pytest.approx(4 / 3)
    pd.testing.assert_frame_equal(up.drop(columns="mean_difference"), down.drop(columns="mean_difference"))


def test_no_p_without_spread():
    tests = paired_tests({"b": [0.8, 0.7, 0.6], "same": [0.8, 0.7, 0.6], "shifted": [0.9, 0.8, 0.7]}, against="b")
    same, shifted = tests.loc["same"], tests.loc["shifted"]
    assert (same["mean_difference"], same["n"], same["reason"]) == (0, 3, "3 of 3 differences are 0")
    assert np.isnan([same["t_p"], same["wilcoxon_p"], same["t_p_holm"], same["wilcoxon_p_holm"]]).all()
    assert shifted["reason"] == "no t: all differences are equal"
    assert isnan(shifted["t_p"])
    assert shifted["wilcoxon_p"] == shifted["wilcoxon_p_holm"] == 0.25  # Holm counts one test: the other is none


def test_pairs_that_both_have():
    index = folds_and_seeds(3, 2)
    table = pd.DataFrame(
        {"b": [1.0, 2, 3, 4, 5, nan], "a": [2.0, nan, 5, 7, inf, 9], "c": [9.0, nan, nan, nan, nan, nan]}
    )
    tests = paired_tests(table.set_index(index), against="b")
    assert tests["n"].tolist() == [3, 1]
    assert tests.loc["a", "mean_difference"] == pytest.approx(2)
    assert tests.loc["a", "t_p"] == pytest.approx(scipy.stats.ttest_rel([2, 5, 7], [1, 3, 4]).pvalue)
    assert tests.loc["a", "reason"] == "3 of 6 pairs have both"
    assert tests.loc["c", "reason"] == "1 of 5 pairs have both; a test needs two pairs"
    assert tests.loc["c", "mean_difference"] == 8
    assert tests.loc["c", ["t_p", "t_p_holm", "wilcoxon_p", "wilcoxon_p_holm"]].isna().all()


def test_series_are_paired_by_fold_and_seed():
    index = folds_and_seeds(4)
    a = pd.Series([1.0, 2.0, 4.0, 8.0], index)
    b = pd.Series([5.0, 1.0, 0.5], index[[3, 1, 0]])
    tests = paired_tests({"a": a, "b": b}, against="b")
    assert tests.loc["a", "n"] == 3
    assert tests.loc["a", "t_p"] == pytest.approx(scipy.stats.ttest_rel([1, 2, 8], [0.5, 1, 5]).pvalue)


def test_nothing_to_compare():
    alone = paired_tests({"a": [1.0, 2.0]}, against="a")
    assert alone.empty
    assert list(alone.columns) == COLUMNS
    nowhere = paired_tests({"a": [], "b": []}, against="a").loc["b"]
    assert (nowhere["n"], nowhere["reason"]) == (0, "a test needs two pairs")
    assert isnan(nowhere["mean_difference"])
    missing = paired_tests({"a": [1.0, 2.0], "b": [nan, nan]}, against="a").loc["b"]
    assert (missing["n"], missing["reason"]) == (0, "0 of 2 pairs have both; a test needs two pairs")


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"against: expected one of \['a'\], but got 'joint'"):
        paired_tests({"a": [1.0]}, against="joint")
    with pytest.raises(ValueError, match=r"expected sequences of equal length, but got {'a': 1, 'b': 2}"):
        paired_tests({"a": [1.0], "b": [1.0, 2.0]}, against="a")
    with pytest.raises(ValueError, match=r"one row per fold and seed, but got several for \[\(0, 0\)\]"):
        paired_tests(pd.DataFrame({"a": [1.0, 2.0]}, index=[(0, 0), (0, 0)]), against="a")
    with pytest.raises(ValueError, match=r"expected numbers between 0 and 1, but got \[0.5, 1.5\]"):
        holm([0.5, 1.5])
    with pytest.raises(ValueError, match=r"expected numbers between 0 and 1, but got \[-0.5\]"):
        holm([-0.5])


def test_holm_by_hand():
    """Sorted 0.01 0.02 0.03 0.04 times 4 3 2 1: 0.04 0.06 0.06 0.04, the last raised to what went before."""
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03, 0.02]), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm([0.5, 0.4]), [0.8, 0.8])
    np.testing.assert_allclose(holm([0.9, 0.6]), [1.0, 1.0])
    np.testing.assert_allclose(holm([0.01, nan, 0.03]), [0.02, nan, 0.03])
    assert holm([]).shape == (0,)
    assert np.isnan(holm([nan])).all()


@settings(deadline=None, derandomize=True, max_examples=100)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_the_order_and_is_between_the_raw_p_and_bonferroni(p_values):
    raw = np.array(p_values)
    corrected = holm(raw)
    assert (corrected >= raw).all()
    assert (corrected <= np.minimum(1, raw * len(raw))).all()
    assert (np.diff(corrected[np.argsort(raw)]) >= 0).all()
    assert corrected.min() == min(1, raw.min() * len(raw))
    np.testing.assert_array_equal(holm(raw[::-1]), corrected[::-1])


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=6), st.floats(0.01, 0.2))
def test_holm_rejects_what_its_steps_reject(p_values, alpha):
    """Holm's own procedure: reject from the smallest on, while p_(k) <= alpha / (M - k + 1)."""
    ordered = np.sort(p_values)
    limits = alpha / np.arange(len(ordered), 0, -1)
    rejected = np.logical_and.accumulate(ordered <= limits * (1 - 1e-12))
    np.testing.assert_array_equal(holm(ordered) <= alpha * (1 - 1e-12), rejected)
