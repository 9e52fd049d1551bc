from math import isnan

import numpy as np
import pytest
from skimage.draw import ellipse

from fundus_mtl.biomarkers import rim_profile

SECTORS = ("rim_I_px", "rim_S_px", "rim_N_px", "rim_T_px")


def draw(row, column, radius, shape=(260, 320)):
    mask = np.zeros(shape, bool)
    mask[ellipse(row, column, radius, radius, shape=shape)] = True
    return mask


def circle_widths(shift_temporal, shift_superior, disc_radius=80.0, cup_radius=30.0):
    """Closed form: the ray along u meets the circle shifted by d at d·u + sqrt(c² - |d|² + (d·u)²)."""
    t = np.radians(np.arange(360.0))
    along = shift_temporal * np.cos(t) + shift_superior * np.sin(t)
    return disc_radius - (along + np.sqrt(cup_radius**2 - shift_temporal**2 - shift_superior**2 + along**2))


@pytest.mark.parametrize("laterality, temporal", [("R", -1), ("L", 1)])
def test_widths_of_circles(laterality, temporal):
    """The cup lies 12 px temporal and 6 px superior: the rim is thinnest there, and inferior > superior."""
    profile = rim_profile(draw(130, 160, 80), draw(124, 160 + 12 * temporal, 30), laterality)
    expected = circle_widths(12, 6)
    np.testing.assert_allclose(profile["widths_px"], expected, atol=1.5)
    sectors = [np.roll(expected, 45)[90 * k : 90 * k + 90].mean() for k in (3, 1, 2, 0)]
    np.testing.assert_allclose([profile[key] for key in SECTORS], sectors, atol=0.5)
    assert profile["rim_disc_ratio_min"] == pytest.approx(expected.min() / 160, abs=0.01)
    assert (profile["isnt_obeyed"], profile["ist_obeyed"]) == (False, True)


def test_isnt_holds_and_fails():
    """Shifted up and temporal in an order that makes I > S > N > T, then the other eye, where N and T swap."""
    disc, cup = draw(130, 160, 80), draw(128, 152, 30)
    cup[ellipse(112, 160, 12, 28)] = True  # thins the superior rim a little
    nasal_rim = np.zeros_like(cup)
    nasal_rim[ellipse(130, 185, 12, 22)] = True
    profile = rim_profile(disc, cup | nasal_rim, "R")
    inferior, superior, nasal, temporal = (profile[key] for key in SECTORS)
    assert profile["isnt_obeyed"] == (inferior >= superior >= nasal >= temporal)
    other = rim_profile(disc, cup | nasal_rim, "L")
    assert (other["rim_N_px"], other["rim_T_px"]) == pytest.approx((temporal, nasal), abs=0.3)


def test_mirrored_eye_has_the_same_profile():
    disc, cup = draw(130, 160, 80), draw(118, 170, 30)
    one = rim_profile(disc, cup, "R", 7.0)
    other = rim_profile(disc[:, ::-1], cup[:, ::-1], "L", 7.0)
    np.testing.assert_allclose(one["widths_px"], other["widths_px"], atol=1.0)


@pytest.mark.parametrize("laterality, temporal", [("R", -1), ("L", 1)])
def test_tilt_follows_the_fovea(laterality, temporal):
    """With the disc 30° above the fovea, temporal points 30° down: a cup moved that way leaves the least rim at 0°."""
    row, column = 130 + 20 * np.sin(np.pi / 6), 160 + temporal * 20 * np.cos(np.pi / 6)
    profile = rim_profile(draw(130, 160, 80), draw(row, column, 30), laterality, 30.0)
    np.testing.assert_allclose(profile["widths_px"], circle_widths(20, 0), atol=1.5)


def test_order_of_sectors():
    """A rim of 40, 30, 20, 10 px below, above, nasal and temporal obeys ISNT in the right eye only."""
    disc = np.zeros((101, 101), bool)
    disc[:] = True
    cup = np.zeros_like(disc)
    cup[31:61, 11:81] = True
    frame = [np.pad(mask, 5) for mask in (disc, cup)]
    assert rim_profile(*frame, "R")["isnt_obeyed"] is True
    assert rim_profile(*frame, "L")["isnt_obeyed"] is False
    assert rim_profile(*frame, "L")["ist_obeyed"] is True
    assert rim_profile(*(mask[::-1] for mask in frame), "R")["ist_obeyed"] is False


def test_missing_and_unknown():
    disc = draw(130, 160, 80)
    profile = rim_profile(disc, np.zeros_like(disc), "R")
    assert all(isnan(profile[key]) for key in (*SECTORS, "rim_disc_ratio_min"))
    assert np.isnan(profile["widths_px"]).all()
    assert profile["isnt_obeyed"] is profile["ist_obeyed"] is None
    with pytest.raises(ValueError, match="expected 'R' or 'L', but got 'unknown'"):
        rim_profile(disc, disc, "unknown")


def test_ratio_uses_the_whole_meridian():
    """In a lopsided disc a radius is not half a diameter; a cup of one pixel leaves the radii themselves as rim."""
    disc = np.zeros((260, 320), bool)
    rows, columns = np.mgrid[:260, :320]
    disc[(columns > 60) & (columns < 260) & (rows > 50) & (rows - 50 < (columns - 60) * 0.8)] = True
    row, column = np.argwhere(disc).mean(axis=0)
    radii = rim_profile(disc, draw(row, column, 0.8), "L")["widths_px"]
    profile = rim_profile(disc, draw(row + 10, column + 20, 25), "L")
    ratios = profile["widths_px"] / (radii + radii[(np.arange(360) + 180) % 360])
    assert profile["rim_disc_ratio_min"] == pytest.approx(ratios.min(), abs=0.01)
    assert abs((profile["widths_px"] / (2 * radii)).min() - ratios.min()) > 0.03
