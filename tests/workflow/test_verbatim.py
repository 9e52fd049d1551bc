"""Text with a ``#`` reaches the objects of a config as it was written, or is refused in one sentence."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.bundle import ConfigParser

from fundus_mtl.workflow import RefusedError, StrictWorkflow, WorkflowError, literal, part_of, paths_verbatim
from fundus_mtl.workflow._lost_comments import refuse_lost_comments
from fundus_mtl.workflow._part import as_text
from fundus_mtl.workflow._verbatim import keep_text

CONFIG = """
place: somewhere
out: "$@place + '/results'"
nested: {entries: [plain, '@place'], old: '@nested#entries#0'}
record: {_target_: builtins.dict, where: '@place', note: 'camera #2', _desc_: 'see #3'}
merged_config: null
free: null
"""
PLACES = [
    "two #1",
    "#",
    "a#b#c",
    "#1",
    "it's #1",
    'say "#1"',
    "back\\slash #1",
    "line\nend #1",
    "ä 眼 #1",
    "x #@place#%y",
]


@pytest.fixture
def make(tmp_path, recwarn):
    (tmp_path / "set #1").mkdir()
    file = tmp_path / "set #1" / "train.yaml"
    file.write_text(CONFIG)

    def workflow(**options):
        return StrictWorkflow([str(file)], logging_file=False, workflow_type=None, **options)

    return workflow


def content(workflow, item):
    return workflow.parser.get_parsed_content(item)


@pytest.mark.parametrize("place", PLACES)
def test_text_stays_as_it_is(make, place):
    workflow = make(place=place)
    assert content(workflow, "place") == place
    assert content(workflow, "out") == f"{place}/results"
    assert content(workflow, "record") == {"where": place, "note": "camera #2"}
    assert content(workflow, "nested::entries::1") == place
    assert content(workflow, "nested::old") == "plain"  # the old notation of a reference works
    assert json.loads(content(workflow, "merged_config"))["place"] == place


def test_text_inside_lists_and_dictionaries_stays(make):
    workflow = make(free={"names": ["a #1", {"deep": "#2"}]})
    assert content(workflow, "free::names::0") == "a #1"
    assert content(workflow, "free::names::1::deep") == "#2"


@pytest.mark.parametrize("place", PLACES)
def test_a_part_that_is_built_again_has_the_same_text(place):
    config = as_text({"place": "x", "out": "$@place + '/results'"})
    assert part_of(config, "out", place=place) == f"{place}/results"


@given(st.text(st.characters(codec="utf-8"), max_size=30))
@settings(deadline=None, max_examples=200)
def test_literal_means_this_text(text):
    """MONAI's own parser is the oracle: whatever the text is, it comes out unchanged."""
    parser = ConfigParser(keep_text({"place": "not me", "text": literal(text), "copy": ["@text"]}))
    assert parser.get_parsed_content("text") == text
    assert parser.get_parsed_content("copy::0") == text


@pytest.mark.parametrize(
    "value", ["$'camera #2'", "$@place + '#'", "$1 # one", "$'@place' # x", "$'" + "#" * 9 + "'", "@place #"]
)
def test_an_expression_that_monai_would_change_is_refused(make, value, capfd):
    with pytest.raises(WorkflowError, match="^place: expected # only in a reference such as @a#b, but got"):
        make(place=value)


def test_a_key_that_monai_would_split_is_refused(make):
    with pytest.raises(WorkflowError, match="^free: expected keys without #, but got 'a#b', which MONAI"):
        make(free={"a#b": 1})


def test_a_macro_of_a_file_keeps_its_meaning(make, tmp_path):
    (tmp_path / "other.json").write_text('{"net": {"width": 4}}')
    assert content(make(place=f"%{tmp_path}/other.json#net#width"), "place") == 4


@pytest.mark.parametrize(
    "arguments", [["--place", "two #1"], ["--place=two #1"], ["run", "--place", "two#1", "--x", "1"]]
)
def test_a_value_that_the_command_line_cut_is_refused(arguments):
    with pytest.raises(
        RefusedError, match="^--place: expected a value without #, but got 'two ?#1', which the command"
    ):
        refuse_lost_comments(arguments, {"place": "two"})


@pytest.mark.parametrize("arguments", [["--place", "two #1"], ["--other", "two #1"], ["--place", "--a#b", "1"]])
def test_a_value_that_arrived_whole_is_accepted(arguments):
    refuse_lost_comments(arguments, {"place": "two #1" if "two #1" in arguments else True})


def test_the_stock_command_keeps_or_refuses(tmp_path, monkeypatch, capfd, recwarn):
    """In this process, as `python -m monai.bundle run` calls it."""
    import fire
    import monai.bundle

    file = tmp_path / "two #1.yaml"
    file.write_text(CONFIG + "run: ['$print(@out)']\n")
    command = ["run", "--config_file", str(file), "--workflow_name", "fundus_mtl.workflow.StrictWorkflow"]
    command += ["--meta_file", str(tmp_path / "metadata.json"), "--logging_file", "False"]
    (tmp_path / "metadata.json").write_text('{"version": "0"}')

    def call(*more):
        monkeypatch.setattr(sys, "argv", ["monai.bundle", *command, *more])
        fire.Fire({"run": monai.bundle.run}, command=[*command, *more])
        return capfd.readouterr().out

    assert "/data/two #1/results\n" in call("--place", "/data/two #1")
    assert "two #1/results\n" in call("--place", '"two #1"')
    with pytest.raises(WorkflowError, match=r"^--place: .* reads as 'two' and a comment; write it in quotes"):
        call("--place", "two #1")


@pytest.mark.parametrize("place", ["$weights.pt", "@a.pt", "%b.pt", "two #1/model.pt", "plain.pt"])
def test_paths_among_options_are_no_expressions(place):
    options = paths_verbatim(
        {"disc_weights": place, "vessel_weights": Path(place), "id_key_file": None, "size": "$1 + 1"}
    )
    parser = ConfigParser(keep_text(options))
    assert parser.get_parsed_content("disc_weights") == parser.get_parsed_content("vessel_weights") == place
    assert (parser.get_parsed_content("id_key_file"), parser.get_parsed_content("size")) == (None, 2)
