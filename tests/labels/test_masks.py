"""Masks of 60 x 40 px: what a structure of the eye can look like in a file."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from fundus_mtl.labels import check_field, few, structure

HEIGHT, WIDTH = 40, 60


def disc(value=255, background=0, height=10, width=14) -> np.ndarray:
    mask = np.full((HEIGHT, WIDTH), background, np.uint8)
    mask[12 : 12 + height, 20 : 20 + width] = value
    return mask


@pytest.mark.parametrize("value", [1, 128, 255])
def test_any_one_value_is_the_structure(value):
    for values in (disc(value), disc(value).astype(np.int64), disc(value).astype(float)):
        np.testing.assert_array_equal(structure(values, "a", "disc"), disc() > 0)
    np.testing.assert_array_equal(structure(disc() > 0, "a", "disc"), disc() > 0)
    assert not structure(0 * disc(), "a", "disc").any()


def test_a_few_stray_pixels_count_as_structure_and_more_are_refused():
    values = disc()
    values[0, :4] = 7
    assert structure(values, "a", "disc").sum() == 140 + 4
    values[0, 4] = 7
    with pytest.raises(ValueError, match=r"a: expected a mask of disc with 0 .* but got 3 values \(0, 7, 255\)"):
        structure(values, "a", "disc")
    assert [few(4, 100), few(5, 100), few(80, 8_000_000), few(81, 8_000_000)] == [True, False, True, False]


def test_a_mask_that_was_a_jpeg_is_refused_whatever_its_file_is_now():
    buffer = io.BytesIO()
    Image.fromarray(disc()).save(buffer, "JPEG", quality=90)
    noisy = np.asarray(Image.open(buffer))
    assert (noisy > 0).sum() > 1.5 * 140  # what "nonzero" would make of it
    with pytest.raises(ValueError, match="saved as JPEG or resized from its source"):
        structure(noisy, "a", "disc")


def test_a_mask_resized_with_interpolation_is_refused():
    small = np.asarray(Image.fromarray(disc()).resize((45, 30), Image.Resampling.BILINEAR))
    with pytest.raises(ValueError, match="resized from its source"):
        structure(small, "a", "disc")


def test_a_coded_mask_of_refuge_is_refused():
    codes = disc(128, background=255)
    codes[15:20, 24:30] = 0
    with pytest.raises(ValueError, match=r"\(0, 128, 255\); split a mask of several codes, such as REFUGE's"):
        structure(codes, "a", "disc")
    without_cup = disc(128, background=255)
    with pytest.raises(ValueError, match=r"but got 2 values \(128, 255\)"):
        structure(without_cup, "a", "disc")


def test_inverted_masks_are_refused():
    with pytest.raises(ValueError, match=r"at most 50% of the photograph, but got 94%; check whether it is inverted"):
        structure(255 - disc(), "a", "disc")
    assert structure(255 - disc(), "a", "field", largest=1.0).mean() == pytest.approx(1 - 140 / 2400)
    with pytest.raises(ValueError, match="but got 100%"):
        structure(np.ones((4, 5), np.uint8), "a", "disc")


def circle(radius=19, x=30.0, y=20.0) -> np.ndarray:
    rows, columns = np.ogrid[:HEIGHT, :WIDTH]
    return (columns - x) ** 2 + (rows - y) ** 2 <= radius**2


@pytest.mark.parametrize(
    "field, message",
    [
        (~circle(), "a mask without the middle of the frame"),
        (circle(12, x=10), "a mask without the middle of the frame"),
        (circle(19, x=42), r"a mask with \d\d% of it in the black surround"),
        (np.ones((HEIGHT, WIDTH), bool), r"a mask with 5\d% of it in the black surround"),
        (circle(8), r"a mask of 17% of the bright part"),
        (np.zeros((HEIGHT, WIDTH), bool), "expected a field of view, but got an all-black mask"),
    ],
)
def test_fields_that_are_not_the_photographs(field, message):
    with pytest.raises(ValueError, match=message):
        check_field(field, circle(), "a")


def test_fields_that_fit():
    check_field(circle(), circle(), "a")
    check_field(circle(18), circle(), "a")  # a pixel narrower
    check_field(circle(), np.ones((HEIGHT, WIDTH), bool), "a")  # the bright part could not be found
