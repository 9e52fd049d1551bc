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
