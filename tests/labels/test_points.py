"""Points that may stand in an eye, on a photograph of 60 x 40 px."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fundus_mtl.labels import check_point

SIZE = (60, 40)


@pytest.mark.parametrize(
    "point", [(1.5, 0), (0, 5), (59.4, 39.4), (-0.5, 20), (np.float64(30), np.int64(20)), (1, 1.01)]
)
def test_places_in_the_photograph(point):
    check_point(point, "a", "fovea", SIZE)


@pytest.mark.parametrize(
    "point, message",
    [
        ((0, 0), r"a: expected fovea as \[x, y\] in native px, but got \(0, 0\), the corner"),
        ((0.0, -0.0), r"\(0, 0\), the corner"),
        ((0.52, 0.48), r"\(0.52, 0.48\), both from 0 to 1; multiply normalised coordinates"),
        ((0, 1), "one-hot label as the number of its class"),
        ((1, 1), "both from 0 to 1"),
        ((-1, -1), r"\(-1, -1\), which is negative; leave it out"),
        ((30, -1), "which is negative"),
        ((39, 59), r"expected fovea within 60 x 40 px, but got \(39, 59\); check the order x, y"),
        ((59.5, 10), "within 60 x 40 px"),
        ((10, 1e300), "within 60 x 40 px"),
        ((math.nan, 3), r"but got \(nan, 3\)"),
        ((math.inf, 3), r"but got \(inf, 3\)"),
        ((True, 3), r"but got \(True, 3\)"),
        (("10", "20"), r"but got \('10', '20'\)"),
        ((1, 2, 3), r"but got \(1, 2, 3\)"),
        ((), r"but got \(\)"),
    ],
    ids=str,
)
def test_other_points_are_refused(point, message):
    with pytest.raises(ValueError, match=message):
        check_point(point, "a", "fovea", SIZE)


def test_without_a_size_only_the_rest_is_checked():
    check_point((5000, 1), "a", "fovea")
    with pytest.raises(ValueError, match="negative"):
        check_point((5000, -1), "a", "fovea")
