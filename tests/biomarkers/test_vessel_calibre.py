import numpy as np
import pytest

from fundus_mtl.biomarkers import DiscCircle, crossing_widths, vessel_segments
from tests.biomarkers.vessel_drawings import ray, ring

SHAPE, CENTRE, RADIUS = (330, 420), (200.0, 160.0), 40.0
DISC = DiscCircle(*CENTRE, RADIUS)


def rays(*vessels):
    """Vessels as (degrees, from, to, width); from and to in disc radii."""
    drawn = [ray(SHAPE, CENTRE, np.radians(d), a * RADIUS, b * RADIUS, w) for d, a, b, w in vessels]
    return np.any(drawn, axis=0)


def widths(mask, disc=DISC, zone="B"):
    return crossing_widths(vessel_segments(mask), disc, zone).tolist()


def test_six_spokes_widest_first():
    mask = rays(*[(60 * k + 7, 1.2, 3.6, 4 + k) for k in range(6)])
    assert widths(mask) == pytest.approx([9, 8, 7, 6, 5, 4], abs=0.25)


def test_what_does_not_reach_the_middle_of_the_zone_does_not_cross_it():
    mask = rays((0, 1.0, 2.3, 5), (90, 2.75, 3.8, 5), (180, 1.0, 2.8, 7))
    assert widths(mask) == pytest.approx([7], abs=0.25)
    assert widths(mask, zone="A") == pytest.approx([7, 5], abs=0.25)
    assert widths(mask, zone="C") == pytest.approx([], abs=0.25)


@pytest.mark.parametrize("fork, expected", [(1.4, [7, 5]), (2.3, [7, 5]), (2.75, [9]), (3.3, [9])])
def test_where_a_vessel_branches_either_the_stem_counts_or_its_branches(fork, expected):
    at = (CENTRE[0] + fork * RADIUS, CENTRE[1])
    branches = [ray(SHAPE, at, np.radians(d), 0, (4 - fork) * RADIUS, w) for d, w in ((28, 7), (-28, 5))]
    assert widths(rays((0, 1.1, fork, 9)) | np.any(branches, axis=0)) == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("fork", np.linspace(2.4, 2.6, 9))
def test_no_vessel_is_lost_that_branches_in_the_middle_of_the_zone(fork):
    at = (CENTRE[0] + fork * RADIUS, CENTRE[1])
    twig = ray(SHAPE, at, np.radians(70), 0, 30, 3)
    found = widths(rays((0, 1.1, 4, 9)) | twig)
    assert found[0] == pytest.approx(9, abs=0.6)
    assert all(width < 5 for width in found[1:])  # the twig may cross the circle too, but not the vessel again


def test_a_speck_in_the_middle_of_the_zone_is_no_vessel():
    speck = rays((45, 2.4, 2.65, 8))
    assert len(vessel_segments(speck)) == 1
    assert widths(speck) == []
    assert widths(speck | rays((200, 1.1, 3.5, 6))) == pytest.approx([6], abs=0.25)


def test_only_the_part_inside_the_zone_is_measured():
    mask = rays((20, 1.0, 1.7, 14), (20, 1.6, 3.4, 6), (20, 3.3, 3.9, 14))
    assert widths(mask) == pytest.approx([6], abs=0.6)


def test_a_vessel_along_the_circle_is_counted_only_where_it_crosses():
    mask = ring(SHAPE, CENTRE, 2.2 * RADIUS, 5, lambda x, y: y > 0)
    assert widths(mask) == []


def test_a_disc_at_the_border_and_none():
    disc = DiscCircle(0.0, 160.0, RADIUS)
    mask = np.any([ray(SHAPE, (0, 160), np.radians(d), 45, 140, 6) for d in (-60, -5, 60)], axis=0)
    assert widths(mask, disc) == pytest.approx([6, 6, 6], abs=0.25)
    assert widths(mask, DiscCircle(np.nan, np.nan, np.nan)) == []
    assert widths(np.zeros(SHAPE, bool)) == []
    with pytest.raises(ValueError, match="zone: expected one of A, B, C, but got 'b'"):
        crossing_widths([], DISC, "b")
