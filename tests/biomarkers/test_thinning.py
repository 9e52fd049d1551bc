import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.morphology import skeletonize

from fundus_mtl.biomarkers._thinning import thin_lines
from tests.biomarkers.vessel_drawings import band, ray, ring


def thinned(mask):
    lines = np.zeros(mask.shape, bool)
    lines[tuple(thin_lines(mask).T)] = True
    return lines


def test_by_hand():
    """Of three rows, the first pass removes the upper one and the second the lower one; the ends of a line stay."""
    bar = np.zeros((5, 9), bool)
    bar[1:4, 1:8] = True
    expected = np.zeros((5, 9), bool)
    expected[2, 1:8] = True
    np.testing.assert_array_equal(thinned(bar), expected)


@settings(deadline=None, derandomize=True, max_examples=300)
@given(arrays(float, st.tuples(st.integers(1, 17), st.integers(1, 23)), elements=st.floats(0, 1)), st.floats(0, 1))
def test_noise_as_skimage(noise, share):
    mask = noise <= share
    np.testing.assert_array_equal(thinned(mask), skeletonize(mask, method="lee") > 0)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
def test_much_noise_as_skimage(share):
    mask = np.random.default_rng(0).random((150, 210)) < share
    np.testing.assert_array_equal(thinned(mask), skeletonize(mask, method="lee") > 0)


def test_vessels_as_skimage():
    shape = (160, 220)
    rays = [ray(shape, (110, 80), np.radians(degrees), 0, 75, 3 + degrees % 9) for degrees in range(0, 360, 37)]
    mask = np.any([*rays, ring(shape, (100, 90), 50, 7), band(shape, (-5, 3), (230, 12), 14)], axis=0)
    before = mask.copy()
    np.testing.assert_array_equal(thinned(mask), skeletonize(mask, method="lee") > 0)
    np.testing.assert_array_equal(mask, before)
    turned = np.rot90(mask)  # not in reading order in memory
    np.testing.assert_array_equal(thinned(turned), skeletonize(turned, method="lee") > 0)


@pytest.mark.parametrize("mask", [np.zeros((4, 5), bool), np.ones((1, 1), bool), np.ones((6, 7), bool)])
def test_nothing_and_everything_as_skimage(mask):
    np.testing.assert_array_equal(thinned(mask), skeletonize(mask, method="lee") > 0)
