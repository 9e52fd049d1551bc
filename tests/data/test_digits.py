from __future__ import annotations

import logging

import numpy as np
import pytest

from fundus_mtl.data import Digits, digit_set, embedded_digits
from fundus_mtl.data._digits import overlay, resized


def drawn(digits, prefix="d", seed=0):
    """Noise with labels."""
    images = np.random.default_rng(seed).integers(0, 256, (len(digits), 28, 28), dtype=np.uint8)
    ids = np.array([f"{prefix}{row}" for row in range(len(digits))])
    return Digits(images, np.array(digits, dtype=np.uint8), ids)


def test_even_and_odd_by_hand():
    made = digit_set("even_odd", {"name": "x"}, {"training": drawn([0, 7, 8, 9, 1])})
    arrays = made.sections["training"]
    assert made.tasks == {"even": 5, "odd": 5}
    assert arrays["even_present"].tolist() == [True, False, True, False, False]
    assert (arrays["odd_present"] == ~arrays["even_present"]).all()
    assert arrays["even"].tolist() == [0, 0, 4, 0, 0]
    assert arrays["odd"].tolist() == [0, 3, 0, 4, 0]


def test_two_images_over_each_other_by_hand():
    """Frames of 2x3 px, one moved by one px: the brighter is seen where they meet."""
    left = np.array([[[9, 9, 9], [1, 5, 3]], [[0, 0, 0], [0, 0, 7]]], dtype=np.uint8)
    right = np.array([[[2, 4, 6], [8, 8, 8]], [[1, 2, 3], [4, 5, 6]]], dtype=np.uint8)
    made = overlay(left, right, 1)
    assert made.tolist() == [
        [[9, 9, 9, 0], [1, 5, 4, 6], [0, 8, 8, 8]],
        [[0, 0, 0, 0], [0, 1, 7, 3], [0, 4, 5, 6]],
    ]
    assert left[0, 1].tolist() == [1, 5, 3]  # untouched


def test_resizing_keeps_places_and_flat_areas():
    images = np.zeros((2, 36, 36), dtype=np.uint8)
    images[0, :18, :18] = 200
    images[1] = 255
    small = resized(images, 28)
    assert small.shape == (2, 28, 28)
    assert (small[0, :13, :13] == 200).all()
    assert (small[0, 15:] == 0).all()
    assert (small[1] == 255).all()
    assert resized(images[:0], 28).shape == (0, 28, 28)


def test_shrinking_loses_no_thin_stroke():
    """A bright column weighs 28/36 wherever it stands; without averaging some would weigh two thirds of others."""
    columns = np.zeros((36, 36, 36), dtype=np.uint8)
    columns[np.arange(36), :, np.arange(36)] = 255
    weights = resized(columns, 28)[2:-2, 14].sum(axis=1) / 255
    np.testing.assert_allclose(weights, 28 / 36, rtol=0.12)


def test_multi_pairs_different_digits_of_the_same_section():
    parts = {"training": drawn(list(range(10)) * 20, "t"), "testing": drawn([3, 3, 3, 4], "e", seed=1)}
    made = digit_set("multi", {"name": "x"}, parts, seed=5)
    assert made.tasks == {"left": 10, "right": 10}
    for name, part in parts.items():
        arrays = made.sections[name]
        known = {str(key): (digit, image) for key, digit, image in zip(part.ids, part.digits, part.images, strict=True)}
        assert (arrays["left"] != arrays["right"]).all()
        assert arrays["left_present"].all()
        assert arrays["right_present"].all()
        for key, image, left, right in zip(*(arrays[k] for k in ("id", "image", "left", "right")), strict=True):
            first, second = (known[half] for half in key.split("+"))
            assert (first[0], second[0]) == (left, right)
            canvas = np.zeros((36, 36), dtype=np.uint8)
            canvas[:28, :28] = first[1]
            canvas[8:, 8:] = np.maximum(canvas[8:, 8:], second[1])
            assert (resized(canvas[None], 28)[0] == image).all()
    assert digit_set("multi", {"name": "x"}, parts, seed=5).digest == made.digest
    assert digit_set("multi", {"name": "x"}, parts, seed=6).digest != made.digest


def test_impossible_sets_raise():
    with pytest.raises(ValueError, match="expected two different digits to overlay, but got 3 equal ones"):
        digit_set("multi", {"name": "x"}, {"training": drawn([4, 4, 4])})
    with pytest.raises(ValueError, match=r"kind: expected one of \['even_odd', 'multi'\], but got 'odd'"):
        digit_set("odd", {"name": "x"}, {"training": drawn([4])})


@pytest.mark.parametrize("kind", ["even_odd", "multi"])
def test_the_embedded_digits_log_what_they_are(kind, caplog):
    with caplog.at_level(logging.WARNING, logger="fundus_mtl.data"):
        made = embedded_digits(kind)
    assert "Not MNIST" in caplog.text
    assert "Not MNIST" in made.about["note"]
    sizes = {name: len(arrays["id"]) for name, arrays in made.sections.items()}
    assert sizes == {"training": 1197, "validation": 200, "testing": 400}
    assert made.sections["training"]["image"].shape == (1197, 28, 28)
    assert made.sections["training"]["image"].max() == 255
    assert embedded_digits(kind).digest == made.digest != embedded_digits(kind, seed=1).digest
