from math import isnan, nan

import pytest

from fundus_mtl.metrics import fused_score


@pytest.mark.parametrize("classifier, vcdr, expected", [(0.2, 0.6, 0.4), (0.6, 0.2, 0.4), (0.3, nan, 0.3), (1, 1, 1)])
def test_by_hand(classifier, vcdr, expected):
    assert fused_score(classifier, vcdr) == pytest.approx(expected, abs=1e-15)


def test_a_ratio_alone_is_no_fused_score():
    assert isnan(fused_score(nan, 0.4))
    assert isnan(fused_score(nan, nan))


def test_it_lies_between_both():
    for step in range(11):
        score = fused_score(0.1 * step, 1 - 0.05 * step)
        assert min(0.1 * step, 1 - 0.05 * step) <= score <= max(0.1 * step, 1 - 0.05 * step)
