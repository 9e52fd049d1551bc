"""Looking from outside inwards finds the same rim, to the last digit, at a bounded number of places."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fundus_mtl.biomarkers import _rim, clean_disc_cup, rim_profile


def plain_radii(mask, centre, directions):
    """Every place along every ray, as the definition says."""
    radii = np.arange(0.0, np.hypot(*mask.shape), _rim.STEP_PX)
    columns, rows = np.rint(centre + radii[:, None, None] * directions).astype(int).transpose(2, 0, 1)
    inside = (rows >= 0) & (columns >= 0) & (rows < mask.shape[0]) & (columns < mask.shape[1])
    met = inside & mask[np.where(inside, rows, 0), np.where(inside, columns, 0)]
    return (radii[:, None] * met).max(axis=0)


def plain_profile(disc, cup, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(_rim, "_radii", plain_radii)
        patch.setattr(_rim, "_centroid", lambda mask: np.argwhere(mask).mean(axis=0)[::-1])
        return rim_profile(disc, cup, "L", 4.0)


def ellipse(shape, row, column, half_height, half_width):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return ((rows - row) / half_height) ** 2 + ((columns - column) / half_width) ** 2 <= 1


ORDINARY = [
    (ellipse((400, 460), 180, 250, 90, 81), ellipse((400, 460), 186, 246, 45, 40)),
    (ellipse((400, 460), 60, 40, 90, 81), ellipse((400, 460), 70, 30, 60, 20)),  # cut by the frame
    (ellipse((90, 70), 40, 30, 9, 8), ellipse((90, 70), 47, 30, 1, 1)),  # a small cup beside the centre
]
FALSE = (ellipse((2000, 3000), 1000, 1400, 900, 1060), ellipse((2000, 3000), 900, 1500, 300, 400))


@pytest.mark.parametrize("disc, cup", [*ORDINARY, FALSE])
def test_it_is_the_same_to_the_last_digit(disc, cup, monkeypatch):
    found, expected = rim_profile(disc, cup, "L", 4.0), plain_profile(disc, cup, monkeypatch)
    np.testing.assert_array_equal(found["widths_px"], expected["widths_px"])
    assert {key: value for key, value in found.items() if key != "widths_px"} == {
        key: value for key, value in expected.items() if key != "widths_px"
    }


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40), st.floats(0.05, 0.95))
def test_ragged_discs_too(seed, height, width, share):
    generator = np.random.default_rng(seed)
    disc, cup = (generator.random((height, width)) < part for part in (share, 0.3))
    clean, inside = clean_disc_cup(disc, cup)
    if not inside.any():
        return
    centre, turn = _rim._centroid(clean), np.radians(np.arange(360.0))
    np.testing.assert_array_equal(centre, np.argwhere(clean).mean(axis=0)[::-1])
    directions = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    for mask in (clean, inside):
        np.testing.assert_array_equal(_rim._radii(mask, centre, directions), plain_radii(mask, centre, directions))


def test_a_false_disc_costs_little_more_than_its_edge(monkeypatch):
    looked, original = [], _rim._at
    monkeypatch.setattr(_rim, "_at", lambda padded, places: looked.append(places.size // 2) or original(padded, places))
    rim_profile(*FALSE, "R")
    everywhere = 2 * 360 * np.hypot(1801, 2121) / _rim.STEP_PX
    assert sum(looked) < 0.15 * everywhere
    assert max(looked) <= 360 * _rim.AT_ONCE  # and so is memory


def test_a_meridian_that_misses_the_disc_has_no_ratio_and_no_warning():
    dot = np.zeros((5, 7), bool)
    dot[2, 3], dot[3, 4] = True, True
    assert np.isnan(rim_profile(dot, dot, "R")["rim_disc_ratio_min"])
