"""What counts as the disc, against SciPy's labels and holes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import ndimage

from fundus_mtl.biomarkers import clean_disc

MASKS = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=24))


def by_scipy(mask):
    labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
    if count == 0:
        return mask
    return ndimage.binary_fill_holes(labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:])))


@settings(deadline=None, derandomize=True, max_examples=200)
@given(MASKS, st.integers(0, 3))
def test_the_largest_component_with_its_holes_filled(mask, rounds):
    for shape in (mask, ndimage.binary_closing(mask, iterations=rounds) if rounds else mask):
        np.testing.assert_array_equal(clean_disc(shape), by_scipy(shape))


def test_of_equal_components_the_first_in_reading_order():
    """The second begins farther left and ends in the same row, the fourth is a copy of the first."""
    mask = np.zeros((9, 14), bool)
    mask[1, 6], mask[2, 5], mask[3, 4] = True, True, True
    mask[3, 0], mask[4, 1], mask[5, 2] = True, True, True
    mask[7, 10:13] = True
    expected = np.zeros_like(mask)
    expected[1, 6], expected[2, 5], expected[3, 4] = True, True, True
    np.testing.assert_array_equal(clean_disc(mask), expected)
    np.testing.assert_array_equal(clean_disc(mask[:, ::-1]), by_scipy(mask[:, ::-1]))


def test_a_hole_that_only_corners_lead_to_is_one():
    ring = np.zeros((5, 6), bool)
    ring[1, 2], ring[2, 1], ring[2, 3], ring[3, 2] = True, True, True, True
    assert clean_disc(ring).sum() == 5
