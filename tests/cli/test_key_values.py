"""``KEY=VALUE``: one dialect for every verb."""

from __future__ import annotations

import pytest

from fundus_mtl.cli import _parsed
from fundus_mtl.cli._key_values import key_values, parse_changes

VERBS = {
    "train": ["train", "b"],
    "evaluate": ["evaluate", "b"],
    "infer": ["infer", "i", "o"],
    "compare": ["compare", "c"],
}


@pytest.mark.parametrize(
    "text, value",
    [
        ("a=16", 16),
        ("a=0.5", 0.5),
        ("a=1.0e-4", 1e-4),
        ("a=true", True),
        ("a=null", None),
        ("a=", None),
        ("a=[disc, cup]", ["disc", "cup"]),
        ("a={b: 1}", {"b": 1}),
        ("a=runs/x=y", "runs/x=y"),  # the first sign parts key and value
        ("a='16'", "16"),
        ("a=two#1", "two#1"),
        ("a='two #1'", "two #1"),
    ],
)
def test_values_are_yaml(text, value):
    (found,) = parse_changes([text]).items()
    assert found == ("a", value)
    assert type(found[1]) is type(value)


def test_keys_are_kept_as_they_are():
    assert parse_changes(["network_def::width=4", "+train#handlers=[1]"]) == {
        "network_def::width": 4,
        "+train#handlers": [1],
    }


@pytest.mark.parametrize(
    "texts, option, message",
    [
        (["seeds"], "--set", "--set: expected KEY=VALUE, but got seeds."),
        (["=1"], "", "arguments: expected KEY=VALUE, but got =1."),
        (["a=["], "--set", "--set a: expected a value as YAML, but got [."),
        (["a=["], "", "a: expected a value as YAML, but got [."),
        (["a=None"], "", "a: expected a value as YAML, but got None; write a=null."),
        (
            ["a=two #1"],
            "",
            "a: expected a value without a comment, but got '#1', which YAML drops; put the value in quotes",
        ),
        (["a=" + "[" * 90_000], "--set", "--set a: expected at most 64 levels of YAML, but got more"),
        (["a=!!python/object/apply:os.getcwd []"], "", "a: expected a value as YAML"),
    ],
)
def test_what_is_refused(texts, option, message):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole message is compared
        parse_changes(texts, option)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "given",
    [["x=1", "y=[2]"], ["--set", "x=1", "y=[2]"], ["x=1", "--set", "y=[2]"], ["--set", "x=1", "--set", "y=[2]"]],
)
def test_every_verb_takes_both_ways_in_any_order(verb, given):
    assert key_values(_parsed([*VERBS[verb], *given])) == {"x": 1, "y": [2]}


def test_the_last_value_of_a_key_counts():
    assert parse_changes(["a=1", "b=2", "a=3"]) == {"a": 3, "b": 2}
    assert key_values(_parsed([*VERBS["train"], "x=1", "--set", "x=2"])) == {"x": 1}


@pytest.mark.parametrize(
    "given, advice",
    [
        (["--max_epochs", "3"], "--max_epochs 3; write max_epochs=3"),
        (["--max_epochs=3"], "--max_epochs=3; write max_epochs=3"),
    ],
)
def test_the_style_of_the_stock_command_is_refused_with_the_right_one(given, advice, capsys):
    with pytest.raises(SystemExit) as ended:
        _parsed([*VERBS["train"], *given])
    assert ended.value.code == 2
    assert f"unrecognized arguments: {advice}" in capsys.readouterr().err
