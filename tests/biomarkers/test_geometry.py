from math import atan, degrees, hypot, isnan, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.draw import disk, ellipse
from skimage.measure import label, regionprops

from fundus_mtl.biomarkers import contains, disc_fovea, disc_measures, sanity_flags

quiet = settings(deadline=None, derandomize=True, max_examples=40)


def draw(row, column, row_radius, column_radius, shape=(120, 160)):
    mask = np.zeros(shape, bool)
    mask[ellipse(row, column, row_radius, column_radius, shape=shape)] = True
    return mask


def test_disc_by_hand():
    """Rows 3..6 and columns 10..15: 4 high, 6 wide, centred between the pixels; the speck does not count."""
    disc = np.zeros((20, 30), np.uint8)
    disc[3:7, 10:16] = 255
    disc[15, 2] = 255
    assert list(disc_measures(disc).values()) == [4.0, 6.0, 24.0, 12.5, 4.5]
    assert all(isnan(value) for value in disc_measures(np.zeros((20, 30))).values())


@quiet
@given(st.floats(30, 90), st.floats(30, 130), st.floats(4, 25), st.floats(4, 25))
def test_disc_measures_are_those_of_skimage(row, column, row_radius, column_radius):
    disc = draw(row, column, row_radius, column_radius)
    region = regionprops(label(disc))[0]
    top, left, bottom, right = region.bbox
    expected = [bottom - top, right - left, region.area, region.centroid[1], region.centroid[0]]
    np.testing.assert_allclose(list(disc_measures(disc).values()), expected)


def test_right_eye_by_hand():
    """A disc at (120, 50), 21 px high, and a fovea 80 px to its left and 6 px below: a right eye."""
    geometry = disc_fovea(draw(50, 120, 11, 9), (40.0, 56.0))
    assert geometry["disc_fovea_dist_px"] == pytest.approx(hypot(80, 6))
    assert geometry["disc_fovea_dist_dd"] == pytest.approx(hypot(80, 6) / 21)
    assert geometry["disc_fovea_angle_deg"] == pytest.approx(degrees(atan(6 / 80)))
    assert geometry["laterality"] == "R"


@quiet
@given(st.floats(0, 159), st.floats(0, 119))
def test_mirroring_swaps_the_eye_and_nothing_else(x, y):
    disc = draw(50, 110, 12, 9)
    one, other = disc_fovea(disc, (x, y)), disc_fovea(disc[:, ::-1], (159 - x, y))
    for key in ("disc_fovea_dist_px", "disc_fovea_dist_dd", "disc_fovea_angle_deg"):
        assert one[key] == pytest.approx(other[key], nan_ok=True)
    assert {one["laterality"], other["laterality"]} in ({"L", "R"}, {"unknown"})
    upside_down = disc_fovea(disc[::-1], (x, 119 - y))
    assert upside_down["disc_fovea_angle_deg"] == pytest.approx(-one["disc_fovea_angle_deg"], nan_ok=True)
    assert abs(one["disc_fovea_angle_deg"]) <= 90


def test_unknown_geometry():
    disc = draw(50, 110, 12, 9)
    for mask, point in [(disc, (nan, nan)), (np.zeros_like(disc), (20.0, 30.0))]:
        *numbers, laterality = disc_fovea(mask, point).values()
        assert all(isnan(number) for number in numbers)
        assert laterality == "unknown"
    same = disc_fovea(disc, (110.0, 50.0))
    assert (same["disc_fovea_dist_px"], same["laterality"]) == (0.0, "unknown")
    assert isnan(same["disc_fovea_angle_deg"])
    assert disc_fovea(disc, (110.0, 90.0))["laterality"] == "unknown"
    with pytest.raises(ValueError, match=r"expected one point \(x, y\), but got shape \(1, 2\)"):
        disc_fovea(disc, [[1.0, 2.0]])


def test_a_plausible_eye_has_no_flag():
    """Ratio 60 / 22 = 2.7, angle 5°, vCDR 0.5: what an eye looks like."""
    disc, cup = draw(50, 110, 11.5, 11), draw(50, 110, 6, 5)
    assert sanity_flags(disc, cup, (50.0, 55.0), np.ones_like(disc)) == []
    assert sanity_flags(disc) == []
    assert sanity_flags(disc, np.zeros_like(disc), (nan, nan)) == []
    assert sanity_flags(np.zeros_like(disc), cup, (50.0, 55.0)) == []


@pytest.mark.parametrize(
    "fovea, flags",
    [
        ((110 - 1.65 * 23, 50.0), ["disc_fovea_ratio"]),
        ((110 - 1.75 * 23, 50.0), []),
        ((110 - 4.25 * 23, 50.0), []),
        ((110 - 4.35 * 23, 50.0), ["disc_fovea_ratio"]),
        ((110 - 60.0, 50 + 27.0), []),  # 24.2 degrees
        ((110 - 60.0, 50 + 29.0), ["disc_fovea_angle"]),  # 25.8 degrees
        ((110 - 60.0, 50 - 29.0), ["disc_fovea_angle"]),
        ((105.0, 50.0), ["disc_fovea_ratio", "fovea_in_disc"]),
    ],
)
def test_fovea_flags(fovea, flags):
    """The disc is 23 px high around (110, 50)."""
    assert sanity_flags(draw(50, 110, 12, 10), fovea_xy=fovea) == flags


def test_edge_flag():
    disc = np.zeros((40, 60), bool)
    disc[1:9, 20:28] = True
    lit = np.ones_like(disc)
    assert sanity_flags(disc) == sanity_flags(disc, field_of_view=lit) == []
    assert sanity_flags(np.roll(disc, -1, axis=0)) == ["disc_at_edge"]
    lit[0] = False
    assert sanity_flags(disc, field_of_view=lit) == ["disc_at_edge"]
    corner = np.ones_like(disc)
    corner[9, 28] = False  # only the corner touches
    assert sanity_flags(disc, field_of_view=corner) == ["disc_at_edge"]
    with pytest.raises(ValueError, match=r"field_of_view: expected the disc's shape \(40, 60\), but got \(60, 40\)"):
        sanity_flags(disc, field_of_view=lit.T)


def test_cup_flags():
    disc = np.zeros((140, 160), bool)
    disc[20:120, 20:120] = True
    cup = np.zeros_like(disc)
    cup[22:118, 30:40] = True  # 96 rows of 100
    assert sanity_flags(disc, cup) == ["vcdr_high"]
    cup[:] = False
    cup[50:59, 30:40] = True  # 9 rows of 100
    assert sanity_flags(disc, cup) == ["vcdr_low"]
    cup[:] = False
    cup[20:115, 30:130] = True  # 10 of 100 columns lie outside; 95 rows
    assert sanity_flags(disc, cup) == ["cup_outside_disc"]
    cup[:, 121:] = False  # 95 of 8,645 pixels: 1.1 %
    assert sanity_flags(disc, cup) == ["cup_outside_disc"]
    cup[40:, 120] = False
    assert sanity_flags(disc, cup) == []


@pytest.mark.parametrize(
    "point, inside", [((20, 10), True), ((20.4, 9.6), True), ((25.6, 10), False), ((-3, 10), False)]
)
def test_contains(point, inside):
    mask = np.zeros((20, 30), bool)
    mask[disk((10, 20), 5.5)] = True
    assert contains(mask, point) is inside
    assert not contains(mask, (nan, 10))
    assert not contains(mask, (20, 25))
