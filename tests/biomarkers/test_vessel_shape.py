from math import isnan

import numpy as np
import pytest

from fundus_mtl.biomarkers import density, fractal_dimension, tortuosity, vessel_segments
from tests.biomarkers.vessel_drawings import band, ring

SHAPE = (200, 260)


def dimension(mask):
    return fractal_dimension(np.argwhere(mask), mask.shape)


def test_tortuosity_is_weighted_by_length():
    """A straight vessel of 100 px, ratio 1, and half a circle of radius 50, each end 1.5 px short: 154 px, ratio 1.54."""
    straight, bent = band(SHAPE, (20, 180), (120, 180), 3), ring(SHAPE, (180, 100), 50, 3, lambda x, y: y < 0)
    expected = (100 + 154.1 * 1.541) / 254.1
    assert tortuosity(vessel_segments(straight | bent)) == pytest.approx(expected, rel=0.015)
    assert tortuosity(vessel_segments(straight)) == pytest.approx(1, abs=0.005)


def test_tortuosity_keeps_when_the_picture_grows_or_turns():
    mask = ring(SHAPE, (130, 120), 60, 4, lambda x, y: y < 0) | band(SHAPE, (20, 20), (20, 150), 4)
    expected = tortuosity(vessel_segments(mask))
    assert expected > 1.25
    assert tortuosity(vessel_segments(np.kron(mask, np.ones((2, 2), bool)))) == pytest.approx(expected, rel=0.02)
    assert tortuosity(vessel_segments(np.rot90(mask))) == pytest.approx(expected, rel=0.02)


def test_no_course_no_tortuosity():
    blob = band(SHAPE, (40, 40), (46, 40), 12)
    loop = ring(SHAPE, (150, 100), 40, 9, lambda x, y: (abs(y) > 0) | (x < 0))  # its ends are a pixel apart
    for mask in (np.zeros(SHAPE, bool), blob, loop):
        assert isnan(tortuosity(vessel_segments(mask)))
    straight = band(SHAPE, (20, 180), (120, 180), 3)
    assert tortuosity(vessel_segments(blob | loop | straight)) == pytest.approx(1, abs=0.005)


def test_dimensions_of_a_line_and_a_square():
    line = np.zeros((512, 512), bool)
    line[300] = True
    assert dimension(line) == pytest.approx(1, abs=1e-9)
    assert dimension(np.ones((512, 512), bool)) == pytest.approx(2, abs=1e-9)
    assert dimension(np.eye(512, dtype=bool)) == pytest.approx(1, abs=1e-9)


def test_dimension_of_sierpinskis_carpet():
    """log 8 / log 3."""
    carpet = np.ones((1, 1), bool)
    for _ in range(6):
        hole = np.zeros_like(carpet)
        carpet = np.block([[carpet] * 3, [carpet, hole, carpet], [carpet] * 3])
    assert dimension(carpet) == pytest.approx(np.log(8) / np.log(3), abs=0.03)


def test_dimension_keeps_when_the_picture_grows_or_turns():
    mask = np.any([ring((600, 800), (300 + 15 * k, 300), 40 * k, 2) for k in range(1, 7)], axis=0)
    expected = dimension(mask)
    assert 1.1 < expected < 1.9
    assert dimension(np.rot90(mask)) == pytest.approx(expected, rel=0.002)
    assert dimension(np.kron(mask, np.ones((2, 2), bool))) == pytest.approx(expected, rel=0.03)


def test_the_boxes_start_in_the_middle():
    """The four pixels there always touch four boxes."""
    mask = np.zeros((64, 72), bool)
    mask[31:33, 35:37] = True
    assert dimension(mask) == pytest.approx(0, abs=1e-9)


def test_dimension_of_nothing_and_of_too_small_a_picture():
    assert isnan(dimension(np.zeros((512, 300), bool)))
    assert isnan(dimension(np.ones((63, 40), bool)))
    assert dimension(np.ones((64, 64), bool)) == pytest.approx(2, abs=1e-9)


def test_density_by_hand():
    vessels = np.array([[True, False, True, False]])
    assert density(vessels, np.array([[True, True, True, False]])) == pytest.approx(2 / 3)
    assert density(vessels, np.array([[False, True, False, True]])) == 0.0
    assert isnan(density(vessels, np.zeros((1, 4), bool)))
