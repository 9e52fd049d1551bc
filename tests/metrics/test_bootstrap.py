from math import isnan, nan

import numpy as np
import pytest
import scipy.stats

from fundus_mtl.metrics import auc, bootstrap_interval


def mean(values):
    return float(np.mean(values))


def test_mean_agrees_with_scipy_and_with_theory():
    values = np.random.default_rng(7).normal(3.0, 2.0, 200)
    ours = bootstrap_interval(values, mean, n=4000)
    scipys = scipy.stats.bootstrap((values,), np.mean, n_resamples=4000, method="percentile", rng=1)
    np.testing.assert_allclose(ours, scipys.confidence_interval, atol=0.03)
    half = 1.96 * values.std() / np.sqrt(200)
    np.testing.assert_allclose(ours, (values.mean() - half, values.mean() + half), atol=0.05)


def test_level_is_the_share_inside():
    """Of two cases 0 and 1 the resamples' means are 0, 1/2 (twice as often) and 1: half the mass lies at 1/2."""
    assert bootstrap_interval([0.0, 1.0], mean, level=0.4) == (0.5, 0.5)
    assert bootstrap_interval([0.0, 1.0], mean, level=0.6) == (0.0, 1.0)


def test_rows_stay_together():
    values = np.arange(50.0)
    assert bootstrap_interval((values, values + 2), lambda a, b: float(np.max(b - a)), n=50) == (2.0, 2.0)


def test_strata_keep_their_sizes():
    labels = np.r_[np.zeros(30), 1]
    assert bootstrap_interval(labels, lambda drawn: float(np.sum(drawn)), n=200, strata=labels) == (1.0, 1.0)
    low, high = bootstrap_interval((np.r_[np.linspace(0, 1, 30), 0.7], labels), auc, n=200, strata=labels)
    assert 0 < low < 21 / 30 < high < 1
    unstratified = bootstrap_interval(labels, lambda drawn: float(np.sum(drawn)), n=200)
    assert unstratified[0] < 1 < unstratified[1]


def test_stratified_auc_agrees_with_scipys_two_samples():
    generator = np.random.default_rng(3)
    negative, positive = generator.normal(0, 1, 60), generator.normal(1, 1, 25)
    labels = np.r_[np.zeros(60), np.ones(25)]
    ours = bootstrap_interval((np.r_[negative, positive], labels), auc, n=3000, strata=labels)

    def two_samples(one, other):
        return auc(np.r_[one, other], labels)

    scipys = scipy.stats.bootstrap(
        (negative, positive), two_samples, n_resamples=3000, method="percentile", vectorized=False, rng=1
    )
    np.testing.assert_allclose(ours, scipys.confidence_interval, atol=0.015)


def test_unknown_cases_change_nothing():
    values = np.array([1.0, 4.0, 2.0, 8.0])
    expected = bootstrap_interval(values, mean, n=100)
    assert bootstrap_interval([nan, 1.0, 4.0, nan, 2.0, 8.0], mean, n=100) == expected
    strata = [nan, 0, 0, 0, 0]
    assert bootstrap_interval(np.r_[99.0, values], mean, n=100, strata=strata) == expected


def test_seed_decides():
    values = np.random.default_rng(0).random(30)
    assert bootstrap_interval(values, mean, n=100) == bootstrap_interval(values, mean, n=100, seed=0)
    assert bootstrap_interval(values, mean, n=100) != bootstrap_interval(values, mean, n=100, seed=1)


@pytest.mark.parametrize("values", [[], [1.0], [nan, nan], [1.0, nan]])
def test_too_few_cases_have_no_interval(values):
    assert all(isnan(bound) for bound in bootstrap_interval(values, mean, n=20))


def test_a_statistic_that_is_sometimes_nan():
    """Without strata some resamples hold one class only: they do not count; where all do, there is no interval."""
    scores, labels = [0.1, 0.4, 0.3, 0.9], [0, 0, 0, 1]
    assert bootstrap_interval((scores, labels), auc, n=200) == (1.0, 1.0)
    assert all(isnan(bound) for bound in bootstrap_interval((scores, [0, 0, 0, 0]), auc, n=20))
    assert all(isnan(bound) for bound in bootstrap_interval(scores, mean, n=0))


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"expected arrays of equal length, but got \[2, 3, 2\]"):
        bootstrap_interval(([1, 2], [1, 2, 3]), mean)
    with pytest.raises(ValueError, match="expected a share between 0 and 1, but got 95"):
        bootstrap_interval([1, 2], mean, level=95)
