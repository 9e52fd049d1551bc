"""What is measured in the window around the disc equals what is measured on the whole photograph."""

from __future__ import annotations

import numpy as np
import pytest

from fundus_mtl import biomarkers
from fundus_mtl.results._near_disc import NearDisc


def ellipse(shape: tuple[int, int], x: float, y: float, width: float, height: float) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot((rows - y) / height, (columns - x) / width) <= 0.5


@pytest.mark.parametrize("x, y", [(150, 90), (12, 90), (150, 10), (390, 290), (399, 0), (0, 299)])
def test_measures_of_the_window_are_those_of_the_photograph(x: float, y: float) -> None:
    shape = (300, 400)
    disc = biomarkers.clean_disc(ellipse(shape, x, y, 40, 50))
    cup, seen = disc & ellipse(shape, x + 3, y, 20, 25), ellipse(shape, 200, 150, 395, 395)
    fovea = np.array([200.4, 160.7])
    near = NearDisc.of({"disc": disc, "cup": cup}, seen)
    assert near.disc.size < 60 * 60
    assert near.cup is not None
    whole, part = biomarkers.disc_measures(disc), biomarkers.disc_measures(near.disc)
    part["disc_cx_px"] += near.left
    part["disc_cy_px"] += near.top
    assert part == pytest.approx(whole, abs=1e-9)
    geometry = biomarkers.disc_fovea(disc, fovea)
    assert biomarkers.disc_fovea(near.disc, near.point(fovea)) == pytest.approx(geometry, abs=1e-9)
    assert biomarkers.vertical_cdr(near.disc, near.cup) == biomarkers.vertical_cdr(disc, cup)
    flags = biomarkers.sanity_flags(disc, cup, fovea, seen)
    assert biomarkers.sanity_flags(near.disc, near.cup, near.point(fovea), near.seen) == flags
    rims = [biomarkers.rim_profile(*pair, "R", 7.0)["widths_px"] for pair in ((disc, cup), (near.disc, near.cup))]
    assert np.array_equal(*rims, equal_nan=True)


def test_a_disc_that_touches_the_border_of_the_field_is_flagged_in_the_window_too() -> None:
    disc, seen = np.zeros((60, 90), bool), np.zeros((60, 90), bool)
    disc[20:30, 40:50], seen[5:55, 40:85] = True, True
    near = NearDisc.of({"disc": disc}, seen)
    assert near.cup is None
    assert biomarkers.sanity_flags(near.disc, None, None, near.seen) == ["disc_at_edge"]
    seen[:, 39] = True
    near = NearDisc.of({"disc": disc}, seen)
    assert biomarkers.sanity_flags(near.disc, None, None, near.seen) == biomarkers.sanity_flags(disc, None, None, seen)


def test_a_cup_outside_of_the_disc_is_flagged_in_the_window_too() -> None:
    shape = (200, 300)
    disc, cup = ellipse(shape, 90, 80, 40, 50), ellipse(shape, 180, 120, 20, 30)
    near = NearDisc.of({"disc": disc, "cup": disc & cup}, disc | True, {"cup": cup})
    assert near.unrefined_cup is not None
    assert near.unrefined_cup.sum() == cup.sum()
    flags = biomarkers.sanity_flags(near.disc, near.unrefined_cup, None, near.seen)
    assert "cup_outside_disc" in flags
    assert flags == biomarkers.sanity_flags(disc, cup)


def test_without_a_disc_the_window_is_empty() -> None:
    nothing = np.zeros((30, 40), bool)
    near = NearDisc.of({"disc": nothing, "cup": nothing}, nothing)
    assert not near.disc.any()
    assert np.isnan(list(biomarkers.disc_measures(near.disc).values())).all()
