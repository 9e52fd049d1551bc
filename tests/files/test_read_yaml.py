"""YAML that is small but deep, or large through its aliases, is refused before it is read."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
import yaml

from fundus_mtl.files import check_yaml, read_yaml


def bomb(levels: int, width: int = 9) -> str:
    """Return lists of aliases of lists of aliases; ``width ** levels`` values when expanded."""
    names = [f"n{level}" for level in range(levels)]
    lines = [f"{names[0]}: &{names[0]} [{','.join('x' * width)}]"]
    lines += [f"{new}: &{new} [{','.join([f'*{old}'] * width)}]" for old, new in pairwise(names)]
    return "\n".join(lines)


def parse_yaml(text: str) -> object:
    check_yaml(text)
    return yaml.safe_load(text)


def test_what_is_read(tmp_path):
    (tmp_path / "a.yaml").write_text("a: &one [1, 2.5]\nb: *one\nc: {d: null, e: yes}\n")
    assert read_yaml(tmp_path / "a.yaml") == {"a": [1, 2.5], "b": [1, 2.5], "c": {"d": None, "e": True}}
    assert parse_yaml("") is None


@pytest.mark.parametrize("levels, refused", [(2, False), (5, False), (6, True), (9, True), (40, True)])
def test_aliases_count_as_what_they_stand_for(levels, refused):
    """9 ** 5 is 59,049 values at the last level, 9 ** 6 is 531,441."""
    started = time.process_time()
    if refused:
        with pytest.raises(ValueError, match=r"expected at most 100000 values, each alias counted"):
            parse_yaml(bomb(levels))
    else:
        assert len(parse_yaml(bomb(levels))) == levels
    assert time.process_time() - started < 30


@pytest.mark.parametrize("opened", ["[", "{a: ", "- "])
def test_depth(opened):
    closed = {"[": "]", "{a: ": "}", "- ": ""}[opened]
    assert parse_yaml(opened * 64 + "1" + closed * 64) is not None
    for levels in (65, 100_000):
        with pytest.raises(ValueError, match="expected at most 64 levels of YAML, but got more"):
            check_yaml(opened * levels + "1" + closed * levels)


def test_no_objects_and_no_other_bytes(tmp_path):
    with pytest.raises(yaml.YAMLError):
        parse_yaml("!!python/object/apply:os.system ['true']")
    (tmp_path / "large.yaml").write_text("# " + "x" * 2**20)
    with pytest.raises(ValueError, match="expected YAML of at most 1048576 bytes"):
        read_yaml(tmp_path / "large.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    with pytest.raises(ValueError, match="expected YAML in UTF-8"):
        read_yaml(tmp_path / "latin.yaml")
