from math import isnan, nan
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundus_mtl.biomarkers import in_millimetres, vcdr_percentile

# Crowston et al. 2004: {height in mm: (median, 97.5th percentile)}.
PUBLISHED = {
    1.2: (0.33, 0.60), 1.3: (0.35, 0.59), 1.4: (0.39, 0.67), 1.5: (0.42, 0.68),
    1.6: (0.45, 0.70), 1.7: (0.50, 0.71), 1.8: (0.52, 0.74), 1.9: (0.55, 0.75),
}  # fmt: skip


@pytest.mark.parametrize("height", PUBLISHED)
def test_published_percentiles(height):
    median, upper = PUBLISHED[height]
    assert vcdr_percentile(median, height) == pytest.approx(50)
    assert vcdr_percentile(upper, height) == pytest.approx(97.5)
    assert vcdr_percentile(upper + 1e-6, height) > 97.5 > vcdr_percentile(upper - 1e-6, height)


def test_between_two_heights_and_percentiles():
    """At 1.65 mm the curves are at 0.475 and 0.705; 0.6 lies 0.125 / 0.230 of the way, 1.96 standard deviations long."""
    z = NormalDist().inv_cdf(0.975) * 0.125 / 0.230
    assert vcdr_percentile(0.6, 1.65) == pytest.approx(100 * NormalDist().cdf(z))
    assert vcdr_percentile(0.35, 1.65) == pytest.approx(100 - vcdr_percentile(0.6, 1.65))


def test_the_same_ratio_is_rarer_in_a_small_disc():
    assert vcdr_percentile(0.62, 1.2) > 97.5 > 80 > vcdr_percentile(0.62, 1.9)


@settings(deadline=None, derandomize=True)
@given(st.floats(1.2, 1.9), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_ratio_is_never_a_lower_percentile(height, one, other):
    low, high = sorted((one, other))
    assert 0 <= vcdr_percentile(low, height) <= vcdr_percentile(high, height) <= 100


def test_nothing_is_known_beyond_the_table():
    assert all(isnan(vcdr_percentile(0.5, height)) for height in (1.19, 1.91, 0.0, -1.0, nan))
    assert isnan(vcdr_percentile(nan, 1.5))
    assert not isnan(vcdr_percentile(0.5, 190 * 0.01))  # a product that rounding may lift above 1.9


def test_millimetres_by_hand():
    """Pixels of 0.01 by 0.02 mm: a disc 100 wide and 90 high, 300 px and 40 px away from the fovea: 3-4-5 by 0.8."""
    measures = {
        "disc_area_px": 7000.0, "disc_height_px": 90.0, "disc_width_px": 100.0, "cup_area_px": 1000.0,
        "disc_cx_px": 400.0, "disc_cy_px": 210.0, "fovea_x_px": 100.0, "fovea_y_px": 250.0,
    }  # fmt: skip
    found = in_millimetres(measures, (0.01, 0.02))
    assert found["disc_area_mm2"] == pytest.approx(1.4)
    assert found["disc_height_mm"] == pytest.approx(1.8)
    assert found["disc_width_mm"] == pytest.approx(1.0)
    assert found["cup_area_mm2"] == pytest.approx(0.2)
    assert found["disc_fovea_dist_mm"] == pytest.approx(np.hypot(3.0, 0.8))


def test_unmeasured_values_have_no_millimetres():
    found = in_millimetres(
        {"disc_height_px": 90.0, "disc_cx_px": 4.0, "disc_cy_px": 5.0, "fovea_x_px": nan}, (0.01, 0.01)
    )
    assert {name for name, value in found.items() if not isnan(value)} == {"disc_height_mm"}


@pytest.mark.parametrize("scale", [(0.0, 0.01), (0.01, -1.0), (nan, 0.01), (0.01, float("inf"))])
def test_a_scale_is_two_positive_numbers(scale):
    with pytest.raises(ValueError, match="^mm_per_px: expected two positive numbers, but got"):
        in_millimetres({}, scale)
