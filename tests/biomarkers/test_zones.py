from math import isnan, nan, pi, sqrt

import numpy as np
import pytest

from fundus_mtl.biomarkers import DiscCircle, disc_circle, zone_mask
from fundus_mtl.biomarkers import _zones as zones


def test_rings_by_hand():
    """Centre (4, 1), radius 2: along its row, |x - 4| from 2 to 4 is A, from 4 to 6 is B, from 4 to 10 is C."""
    disc = DiscCircle(4.0, 1.0, 2.0)
    rows = {zone: "".join(".x"[int(on)] for on in zone_mask((3, 16), disc, zone)[1]) for zone in "ABC"}
    assert rows == {"A": ".xx...xx........", "B": "x.......xx......", "C": "x.......xxxxxx.."}


def test_areas_and_what_belongs_together():
    disc = DiscCircle(160.25, 140.0, 25.0)
    a, b, c = (zone_mask((280, 330), disc, zone) for zone in "ABC")
    for mask, (inner, outer) in zip((a, b, c), ((1, 2), (2, 3), (2, 5)), strict=True):
        assert mask.sum() == pytest.approx(pi * 625 * (outer**2 - inner**2), rel=0.01)
    assert not (a & b).any()
    assert (b & c == b).all()


def test_the_edges_lie_half_and_one_disc_diameter_from_the_margin():
    for zone, (near, far) in {"A": (0, 0.5), "B": (0.5, 1), "C": (0.5, 2)}.items():
        assert zones.ZONES[zone] == (1 + 2 * near, 1 + 2 * far)


def test_the_circle_of_a_mask():
    y, x = np.mgrid[:80, :120]
    disc = (x - 70) ** 2 / 15**2 + (y - 30) ** 2 / 20**2 <= 1
    disc[5, 5] = True  # a speck
    disc[30, 70] = False  # a hole
    circle = disc_circle(disc)
    assert (circle.cx_px, circle.cy_px) == pytest.approx((70, 30))
    assert circle.radius_px == pytest.approx(sqrt(15 * 20), rel=0.01)
    turned = disc_circle(np.rot90(disc))
    assert (turned.cx_px, turned.cy_px, turned.radius_px) == pytest.approx((30, 119 - 70, circle.radius_px))


def test_a_disc_at_the_border_and_none():
    corner = zone_mask((40, 70), DiscCircle(0.0, 0.0, 10.0), "B")
    assert corner.sum() == pytest.approx(pi * 100 * 5 / 4, rel=0.06)
    nowhere = disc_circle(np.zeros((4, 6)))
    assert isnan(nowhere.radius_px)
    assert not zone_mask((4, 6), nowhere, "C").any()


def test_wrong_input_raises():
    with pytest.raises(ValueError, match="radius_px: expected a number above 0, but got 0.0; NaN is unknown"):
        DiscCircle(1.0, 1.0, 0.0)
    with pytest.raises(ValueError, match="zone: expected one of A, B, C, but got 'D'"):
        zone_mask((3, 4), DiscCircle(nan, nan, nan), "D")
    with pytest.raises(ValueError, match=r"shape: expected \(H, W\), but got \(3, 4, 3\)"):
        zone_mask((3, 4, 3), DiscCircle(nan, nan, nan), "A")
    with pytest.raises(ValueError, match=r"disc: expected shape \(H, W\)"):
        disc_circle(np.zeros((3, 4, 3)))
