"""Small JSON of somebody else: the content, or one sentence."""

from __future__ import annotations

import json

import pytest

from fundus_mtl.files import read_json


def test_the_content_is_that_of_json(tmp_path):
    content = {"a": [1, 2.5, None, True], "b": {"c": 'quoted "]]]]" \\ [[[['}, "ä": "眼"}
    (tmp_path / "a.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    assert read_json(tmp_path / "a.json") == content


@pytest.mark.parametrize("depth, accepted", [(32, True), (33, False), (200_000, False)])
def test_depth_is_bounded(tmp_path, depth, accepted):
    (tmp_path / "a.json").write_text("[" * depth + "]" * depth)
    if accepted:
        assert str(read_json(tmp_path / "a.json")) == "[" * depth + "]" * depth
        return
    with pytest.raises(ValueError, match="expected at most 32 brackets inside each other, but got more"):
        read_json(tmp_path / "a.json")


def test_brackets_in_text_are_not_depth(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps("[" * 100))
    assert read_json(tmp_path / "a.json") == "[" * 100


@pytest.mark.parametrize("size, accepted", [(2**20, True), (2**20 + 1, False)])
def test_size_is_bounded(tmp_path, size, accepted):
    (tmp_path / "a.json").write_text(f'"{"x" * (size - 2)}"')
    if accepted:
        assert len(read_json(tmp_path / "a.json")) == size - 2
        return
    with pytest.raises(ValueError, match="expected at most 1048576 bytes"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", "", "\x00", "[1,]"])
def test_what_json_does_not_have_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError):  # noqa: PT011 - the words are those of Python's parser
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    "text", ['{"a": 0, "b": {"a": 1, "c": 2, "a": 3}}', '{"a": 0, "a": 0}', '[{"a": 0, "\\u0061": 1}]']
)
def test_a_key_twice_is_refused(tmp_path, text):
    """Python's parser takes the last one: a label that is given twice would be either."""
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match="expected every key once, but got 'a' twice in one object; remove one"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("text", ["1e999", "[-1e999]", '{"a": 1.0E+400}'])
def test_numbers_beyond_all_bounds_are_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match="expected numbers of JSON, but got"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("text", [r'"\ud800"', r'{"\uDFFF": 1}', r'["\udc00\ud800"]'])
def test_half_a_character_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match="expected whole characters, but got half of one"):
        read_json(tmp_path / "a.json")


def test_two_halves_are_a_character(tmp_path):
    (tmp_path / "a.json").write_text(r'["\ud83d\udc41", "\\\\ud800"]')
    assert read_json(tmp_path / "a.json") == ["👁", r"\\ud800"]
