from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label, regionprops

from fundus_mtl.biomarkers import (
    area_cdr,
    clean_disc,
    clean_disc_cup,
    horizontal_cdr,
    refuge_vertical_cdr,
    vertical_cdr,
)

RATIOS = [vertical_cdr, horizontal_cdr, area_cdr]
quiet = settings(deadline=None, derandomize=True, max_examples=60)
masks = arrays(bool, (9, 13))


@pytest.fixture
def eye():
    """Disc of rows 10..49 (40) and columns 20..44 (25); cup of rows 20..39 (20) and columns 30..34 (5)."""
    disc, cup = np.zeros((64, 80), bool), np.zeros((64, 80), bool)
    disc[10:50, 20:45] = True
    cup[20:40, 30:35] = True
    return disc, cup


def test_ratios_by_hand(eye):
    assert [ratio(*eye) for ratio in RATIOS] == [20 / 40, 5 / 25, 100 / 1000]


def test_ring_speck_and_stray_cup_change_nothing(eye):
    """A disc drawn as a ring, a speck far off, a hole in the rim and cup pixels outside are all cleaned away."""
    disc, cup = eye
    messy_disc, messy_cup = disc & ~cup, cup.copy()
    messy_disc[60:63, 70:79] = messy_cup[61, 72] = messy_cup[2:8, 33] = True
    messy_disc[12, 22] = False
    assert [ratio(messy_disc, messy_cup) for ratio in RATIOS] == [ratio(*eye) for ratio in RATIOS]


def test_a_notched_cup_keeps_its_extent(eye):
    """Rows 25..34 of the cup are gone: the extent stays 20, while the fullest column counts only 10 pixels."""
    disc, cup = eye
    cup[25:35] = False
    assert vertical_cdr(disc, cup) == 0.5
    assert refuge_vertical_cdr(np.where(cup, 0, np.where(disc, 128, 255))) == 10 / (40 + 1e-7)


@pytest.mark.parametrize("ratio", RATIOS)
def test_missing_is_nan(ratio, eye):
    disc, cup = eye
    nothing = np.zeros_like(disc)
    outside = np.roll(cup, 45, axis=1)
    assert all(isnan(ratio(*pair)) for pair in [(nothing, cup), (disc, nothing), (nothing, nothing), (disc, outside)])


@pytest.mark.parametrize("ratio", RATIOS)
def test_shapes_raise(ratio, eye):
    with pytest.raises(ValueError, match=r"cup: expected the disc's shape \(64, 80\), but got \(80, 64\)"):
        ratio(eye[0], eye[1].T)
    with pytest.raises(ValueError, match=r"disc: expected shape \(H, W\), but got \(1, 64, 80\)"):
        ratio(eye[0][None], eye[1])


@quiet
@given(disc=masks, cup=masks)
def test_ratios_are_ratios_and_turn_with_the_picture(disc, cup):
    vertical, horizontal, area = (ratio(disc, cup) for ratio in RATIOS)
    assert isnan(area) or all(0 < value <= 1 for value in (vertical, horizontal, area))
    if label(disc, connectivity=2).max() < 2:  # of two equal components the first in reading order is kept
        np.testing.assert_equal(vertical_cdr(disc.T, cup.T), horizontal)
        for flipped in (disc[::-1], cup[::-1]), (disc * 255, cup * 7):
            np.testing.assert_equal(vertical_cdr(*flipped), vertical)


@quiet
@given(disc=masks)
def test_clean_disc_is_the_largest_region_and_what_it_encloses(disc):
    """Skimage labels the regions; enclosed is what a walk from the frame's border in four directions cannot reach."""
    regions = regionprops(label(disc, connectivity=2))
    largest = max(regions, key=lambda region: region.area).label if regions else -1  # the first of equals, as ours
    region = label(disc, connectivity=2) == largest
    outside = label(~np.pad(region, 1), connectivity=1)
    np.testing.assert_array_equal(clean_disc(disc), (outside != outside[0, 0])[1:-1, 1:-1])


def test_inputs_are_not_changed(eye):
    disc, cup = (mask.astype(np.uint8) for mask in eye)
    disc[60, 70] = 1
    before = disc.copy(), cup.copy()
    clean_disc_cup(disc, cup)
    np.testing.assert_array_equal((disc, cup), before)


def brute_force_refuge(codes):
    """The official definition pixel by pixel: the longest column of cup codes over that of disc codes."""
    height, width = codes.shape
    cup = max(sum(int(codes[row, column] == 0) for row in range(height)) for column in range(width))
    disc = max(sum(int(codes[row, column] != 255) for row in range(height)) for column in range(width))
    return cup / (disc + 1e-7)


@quiet
@given(codes=arrays(np.uint8, (7, 11), elements=st.sampled_from([0, 1, 127, 128, 254, 255])))
def test_refuge_ratio_is_the_definition_to_the_last_bit(codes):
    assert refuge_vertical_cdr(codes) == brute_force_refuge(codes)


def test_refuge_ratio_of_nothing_is_zero():
    assert refuge_vertical_cdr(np.full((5, 4), 255, np.uint8)) == 0.0
    with pytest.raises(ValueError, match="use channel 0 of an RGB image"):
        refuge_vertical_cdr(np.zeros((5, 4, 3), np.uint8))
