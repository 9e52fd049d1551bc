from math import hypot, isnan, nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundus_mtl.biomarkers import knudtson

quiet = settings(deadline=None, derandomize=True, max_examples=60)
lists = st.lists(st.floats(0.5, 60), min_size=6, max_size=11)


def test_six_by_hand():
    """First 37, 29 and 25 times c²; the greatest with the least to 62 c⁴, the middle carried over: 62 c⁶ + 29 c⁴."""
    for kind, c in ("artery", 0.88), ("vein", 0.95):
        assert knudtson([4, 1, 6, 3, 2, 5], kind) == pytest.approx(sqrt(62 * c**6 + 29 * c**4))


def test_even_and_odd_counts_by_hand():
    c = 0.95
    assert knudtson([1, 2, 3, 4], "vein", count=4) == pytest.approx(sqrt(30 * c**4))
    assert knudtson([1, 2, 3, 4, 5], "vein", count=5) == pytest.approx(sqrt((26 * c**2 + 9) * c**4 + 20 * c**4))
    assert knudtson([7], "artery", count=1) == 7.0


@quiet
@given(lists, st.sampled_from([("artery", 0.88), ("vein", 0.95)]))
def test_the_rule_written_with_lists(widths, kind):
    name, c = kind
    left = sorted(widths)[-6:]
    while len(left) > 1:
        joined = []
        while len(left) > 1:
            joined.append(c * hypot(left.pop(0), left.pop()))
        left = sorted(joined + left)
    assert knudtson(widths, name) == pytest.approx(left[0])


@quiet
@given(lists, st.floats(0.1, 10), st.randoms(use_true_random=False))
def test_scale_order_and_thin_vessels(widths, scale, random):
    expected = knudtson(widths, "artery")
    shuffled = random.sample(widths, len(widths))
    assert knudtson(shuffled, "artery") == pytest.approx(expected)
    assert knudtson(np.array(widths) * scale, "artery") == pytest.approx(scale * expected)
    assert knudtson([*widths, min(widths) / 2, nan], "artery") == pytest.approx(expected)


def test_fewer_than_six_are_not_known():
    assert isnan(knudtson([], "vein"))
    assert isnan(knudtson([5.0] * 5 + [nan, nan], "vein"))


@pytest.mark.parametrize(
    "arguments, message",
    [
        (([1.0] * 6, "arteriole"), "kind: expected 'artery' or 'vein', but got 'arteriole'"),
        (([1.0, 0.0], "vein"), "widths: expected a list of finite numbers above 0"),
        (([1.0, -1.0], "vein"), "above 0, but got .* NaN is unknown"),
        (([1.0, np.inf], "vein"), "finite"),
        (([[1.0, 2.0]], "vein"), "widths: expected a list"),
        (([1.0], "vein", 0), "count: expected at least 1, but got 0"),
    ],
)
def test_wrong_input_raises(arguments, message):
    with pytest.raises(ValueError, match=message):
        knudtson(*arguments)
