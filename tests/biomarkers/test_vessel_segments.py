from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from fundus_mtl.biomarkers import vessel_segments
from fundus_mtl.biomarkers._vessel_skeleton import Skeleton
from tests.biomarkers.vessel_drawings import band, ray, ring

SHAPE = (160, 220)


@pytest.mark.parametrize("width", [3, 4, 5.5, 8, 13])
@pytest.mark.parametrize("degrees", [0, 17, 45, 68, 90])
def test_a_straight_vessel(width, degrees):
    mask = ray(SHAPE, (110.3, 80.6), np.radians(degrees), -60, 60, width)
    (segment,) = vessel_segments(mask)
    drawn = (mask.sum() - np.pi * width**2 / 4) / 120  # without the round ends; a band along the grid has whole pixels
    assert segment.width_px() == pytest.approx(drawn, abs=0.3)
    assert drawn == pytest.approx(width, abs=0.52)
    assert segment.length_px == pytest.approx(120, abs=width + 2)  # the skeleton may end before the round end does
    assert segment.length_px / segment.chord_px == pytest.approx(1, abs=0.006)
    assert np.hypot(*(segment.points_xy - (110.3, 80.6)).T).max() < 60 + width / 2


@pytest.mark.parametrize("width", [3, 6])
def test_half_a_circle(width):
    """Arc over chord is pi r / 2 r, less what the skeleton lacks at the ends: half a width each."""
    (segment,) = vessel_segments(ring(SHAPE, (100.4, 120.2), 70, width, lambda x, y: y < 0))
    short = width / 2 / 70
    expected = (np.pi - 2 * short) / (2 * np.cos(short))
    assert segment.length_px / segment.chord_px == pytest.approx(expected, rel=0.015)
    assert segment.width_px() == pytest.approx(width, abs=0.25)
    assert segment.points_xy[:, 1].max() < 121
    assert segment.length_px == pytest.approx(70 * np.pi, rel=0.03)


def test_points_follow_each_other():
    (segment,) = vessel_segments(ring(SHAPE, (100, 120), 70, 5, lambda x, y: (y < 0) | (x < -20)))
    steps = np.hypot(*np.diff(segment.points_xy, axis=0).T)
    assert set(np.round(steps, 3)) <= {1.0, 1.414}
    assert (np.diff(segment.arc_px) > 0).all()
    assert segment.arc_px[0] == 0
    assert segment.arc_px[-1] == segment.length_px


def test_a_ring_has_no_end():
    assert vessel_segments(ring(SHAPE, (100, 80), 50, 5)) == []


def test_a_branching_ends_three_segments():
    mask = np.any([ray(SHAPE, (110, 80), np.radians(d), 0, 60, w) for d, w in ((90, 9), (-50, 7), (-130, 5))], axis=0)
    segments = sorted(vessel_segments(mask), key=lambda s: s.width_px())
    assert [s.width_px() for s in segments] == pytest.approx([5, 7, 9], abs=0.4)
    for segment in segments:
        ends = np.hypot(*(segment.points_xy[[0, -1]] - (110, 80)).T)
        assert min(ends) < 5  # the branching is part of each
        assert max(ends) == pytest.approx(60, abs=5)
    assert len({s.tree for s in segments}) == 1


def test_a_crossing_ends_four_and_a_second_vessel_is_another_tree():
    cross = band(SHAPE, (20, 80), (150, 80), 5) | band(SHAPE, (90, 10), (90, 150), 5)
    segments = vessel_segments(cross | band(SHAPE, (190, 20), (190, 140), 4))
    assert sorted(sum(s.tree == tree for s in segments) for tree in {s.tree for s in segments}) == [1, 4]


def test_a_crossing_without_a_middle():
    """Two diagonals of one pixel that meet in a 2x2 block, where no point has more than two ways on."""
    y, x = np.mgrid[:40, :40]
    assert len(vessel_segments((x == y) | (x == 39 - y))) == 4


def test_steps_along_a_skeleton():
    """Of three points in a corner, two are one pixel apart and the third is a diagonal away."""
    none = np.full(8, -1)
    right, under, below_right = none.copy(), none.copy(), none.copy()
    right[[2, 3]], under[[6, 4]], below_right[[0, 7]] = (1, 2), (0, 2), (1, 0)
    lines = Skeleton(np.array([(0, 0), (0, 1), (1, 1)]), np.stack([right, under, below_right]))
    diagonal = np.sqrt(2)
    np.testing.assert_allclose(lines.graph().toarray(), [[0, 1, diagonal], [1, 0, 1], [diagonal, 1, 0]])


def test_a_ragged_outline_makes_no_branchings():
    mask = band(SHAPE, (15, 40), (200, 110), 11)
    for x in range(30, 190, 16):  # bumps on either side by turns
        y = 40 + (x - 15) * 70 / 185
        mask |= band(SHAPE, (x, y), (x, y + 8 * (-1) ** (x // 16)), 3)
    (segment,) = vessel_segments(mask)
    assert segment.width_px() == pytest.approx(11.6, abs=0.5)  # ten bumps of about 3 x 2.5 px more
    assert segment.length_px / segment.chord_px < 1.02


def test_what_is_within_reach_of_a_branching_has_no_width():
    mask = band(SHAPE, (20, 80.5), (200, 80.5), 6) | band(SHAPE, (110.5, 80), (110.5, 150), 6)
    for segment in vessel_segments(mask):
        near = np.hypot(*(segment.points_xy - (110, 80)).T) < 5
        assert near.any()
        assert not segment.clear[near].any()
        assert segment.width_px(near) > 0  # but a stretch that has nothing else is not lost
        assert segment.width_px() == pytest.approx(6, abs=0.3)


def test_a_part_of_a_tapering_vessel():
    y, x = np.mgrid[:60, :220]
    mask = (abs(y - 30.2) <= 2 + x / 40) & (x > 5) & (x < 215)
    (segment,) = vessel_segments(mask)
    along = segment.points_xy[:, 0]
    for start in (40, 100, 160):
        part = (along >= start) & (along < start + 20)
        assert segment.width_px(part) == pytest.approx(4 + (start + 10) / 20, abs=0.4)
    assert np.isnan(segment.width_px(along < 0))


def test_twice_the_picture_and_the_turned_picture():
    mask = np.any([ray(SHAPE, (110, 80), np.radians(d), 0, 60, w) for d, w in ((80, 9), (-50, 7), (-130, 5))], axis=0)
    widths = sorted(s.width_px() for s in vessel_segments(mask))
    double = sorted(s.width_px() for s in vessel_segments(np.kron(mask, np.ones((2, 2), bool))))
    turned = sorted(s.width_px() for s in vessel_segments(np.rot90(mask)))
    assert double == pytest.approx([2 * w for w in widths], rel=0.05)
    assert turned == pytest.approx(widths, rel=0.04)


def test_at_the_border_and_nothing():
    (segment,) = vessel_segments(band((40, 60), (-10, 0), (80, 0), 7))  # its upper half is cut off
    assert segment.width_px() == pytest.approx(4, abs=0.3)
    assert vessel_segments(np.zeros((5, 7), bool)) == []
    dot = np.zeros((5, 7), bool)
    dot[2, 3] = True
    assert vessel_segments(dot) == []
    assert vessel_segments(np.ones((1, 1), bool)) == []


@settings(deadline=None, derandomize=True, max_examples=40)
@given(arrays(bool, (11, 17)))
def test_noise_is_measured_without_warnings(mask):
    """Whatever the mask: points in the frame, neighbours or a branching apart, no pixel in two segments' insides."""
    seen = set()
    for segment in vessel_segments(mask):
        assert segment.length_px >= 0
        assert mask[segment.points_xy[:, 1].astype(int), segment.points_xy[:, 0].astype(int)].all()
        assert all(np.hypot(*(b - a)) < 3 for a, b in pairwise(segment.points_xy))
        inside = {tuple(point) for point in segment.points_xy[1:-1]}
        assert not inside & seen
        seen |= inside
