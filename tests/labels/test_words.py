"""Words of tables: known ones in any writing, every other one refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fundus_mtl.labels import read_eye, read_label, read_split, read_yes_no


@pytest.mark.parametrize(
    "words, split",
    [
        (("train", "Training", " TRAIN ", "train ", "tra in"), "training"),
        (("val", "Valid", "VALIDATION", "\tvalidation\u00a0"), "validation"),
        (("test", "Test", "TESTING ", "\uff34est"), "testing"),
    ],
)
def test_splits(words, split):
    assert {read_split(word) for word in words} == {split}


@pytest.mark.parametrize("word", ["", "dev", "tests", "holdout", "train/test", "latest", "0", 1, None, float("nan")])
def test_other_splits_are_refused(word):
    with pytest.raises(ValueError, match="expected a split among train, validation and test, but got"):
        read_split(word)


@given(st.text(max_size=12))
def test_no_other_text_is_a_split(word):
    known = {"train", "training", "val", "valid", "validation", "test", "testing"}
    try:
        split = read_split(word)
    except ValueError:
        assert word.strip().casefold() not in known
    else:
        assert split in ("training", "validation", "testing")


@pytest.mark.parametrize(
    "words, side",
    [
        (("R", "r", "OD", "od", "O.D.", "Right", " right "), "R"),
        (("L", "OS", "o.s.", "LEFT"), "L"),
        (("", " ", "unknown", "Unknown"), None),
    ],
)
def test_eyes(words, side):
    assert {read_eye(word) for word in words} == {side}


@pytest.mark.parametrize("word", ["OU", "B", "both", "0", "1", "rl", "dexter", "nan"])
def test_other_eyes_are_refused(word):
    with pytest.raises(ValueError, match=f"expected an eye as R or L, but got '{word}'"):
        read_eye(word)


@pytest.mark.parametrize("word", ["yes", "Y", "TRUE", "1", "1.0", 1, 1.0, True, np.int64(1), np.True_, "1."])
def test_yes_and_no(word):
    assert read_yes_no(word) is True
    other = {"yes": "no", "Y": "n", "TRUE": "False", "1": "0", "1.0": "0.0", "1.": "0."}
    assert read_yes_no(other[word] if isinstance(word, str) else type(word)(0)) is False


@pytest.mark.parametrize("word", ["", "2", "-1", "0.5", "10", "01", "maybe", "yes no", "nan", "\u0661", 2, None])
def test_other_answers_are_refused(word):
    with pytest.raises(ValueError, match="expected yes or no, but got"):
        read_yes_no(word)


@pytest.mark.parametrize(
    "word, label",
    [
        *((word, 1) for word in (1, 1.0, "1", "1.0", True, "yes", "Glaucoma", "GLAUCOMA ")),
        *(
            (word, 0)
            for word in (0, "0", "0.0", False, "No", "Non-Glaucoma", "non glaucoma", "no_glaucoma", "NonGlaucoma")
        ),
    ],
)
def test_labels(word, label):
    assert read_label(word, "glaucoma") == label


@pytest.mark.parametrize("word", [2, "2", "1/2", -1, 0.5, "suspect", "healthy", "[0, 1]", "", None, "not non-glaucoma"])
def test_other_labels_are_refused(word):
    """1 and 2 among them: whether 1 is healthy or ill differs from table to table."""
    with pytest.raises(ValueError, match="expected 0 or 1 for glaucoma, but got"):
        read_label(word, "glaucoma")
