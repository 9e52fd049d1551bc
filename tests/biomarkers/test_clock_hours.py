import numpy as np
import pytest
from skimage.draw import ellipse

from fundus_mtl.biomarkers import clock_hours, rim_profile


def disc_and_cup(row, column):
    """A disc of 80 px around (130, 160) and a cup of 30 px around the given place."""
    masks = np.zeros((2, 260, 320), bool)
    masks[0][ellipse(130, 160, 80, 80)] = True
    masks[1][ellipse(row, column, 30, 30)] = True
    return masks


def test_hours_by_hand():
    """Each degree's width is the degree: 3 o'clock is nasal, 165° to 194°; 9 o'clock temporal, 345° to 14°."""
    hours = clock_hours(np.arange(360.0))
    assert hours.shape == (12,)
    assert (hours[11], hours[2], hours[5]) == (89.5, 179.5, 269.5)
    assert hours[8] == (sum(range(345, 360)) + sum(range(15))) / 30
    assert (hours[9], hours[0]) == (29.5, 119.5)  # 10 superior temporal, 1 superior nasal


@pytest.mark.parametrize("eye, side", [("R", 1), ("L", -1)])
def test_a_notch_lies_at_its_hour(eye, side):
    """A cup moved towards an hour of the right eye's clock, or its mirror image in a left eye, thins the rim there."""
    for hour in range(1, 13):
        turn = np.radians(30 * hour)  # clockwise from 12
        disc, cup = disc_and_cup(130 - 25 * np.cos(turn), 160 + side * 25 * np.sin(turn))
        assert np.argmin(clock_hours(rim_profile(disc, cup, eye)["widths_px"])) == hour - 1


def test_a_mirrored_photograph_of_the_other_eye_has_the_same_hours():
    disc, cup = disc_and_cup(120, 172)
    one = clock_hours(rim_profile(disc, cup, "R", 6.0)["widths_px"])
    other = clock_hours(rim_profile(disc[:, ::-1], cup[:, ::-1], "L", 6.0)["widths_px"])
    np.testing.assert_allclose(one, other, atol=0.3)


def test_the_wrong_eye_swaps_nasal_and_temporal():
    disc, cup = disc_and_cup(120, 172)
    right, left = (clock_hours(rim_profile(disc, cup, eye)["widths_px"]) for eye in "RL")
    np.testing.assert_allclose(left, right[(10 - np.arange(12)) % 12], atol=0.7)  # 1 and 11, 3 and 9; 12 and 6 stay


def test_an_axis_turned_by_an_hour_turns_the_hours():
    disc, cup = disc_and_cup(121, 176)
    level, tilted = (clock_hours(rim_profile(disc, cup, "R", angle)["widths_px"]) for angle in (0.0, 30.0))
    np.testing.assert_allclose(tilted, np.roll(level, 1), atol=0.7)


def test_three_hours_make_a_sector():
    profile = rim_profile(*disc_and_cup(120, 172), "R")
    hours = clock_hours(profile["widths_px"])
    for sector, three in {"T": (8, 9, 10), "S": (11, 12, 1), "N": (2, 3, 4), "I": (5, 6, 7)}.items():
        assert np.mean([hours[hour - 1] for hour in three]) == pytest.approx(profile[f"rim_{sector}_px"])


def test_unknown_stays_unknown_and_another_number_of_widths_raises():
    assert np.isnan(clock_hours(np.full(360, np.nan))).all()
    with pytest.raises(ValueError, match="expected 360 widths, one for each degree, but got shape \\(12,\\)"):
        clock_hours(np.zeros(12))
