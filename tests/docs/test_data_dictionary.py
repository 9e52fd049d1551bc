"""The data dictionary has every column and key that is written, and is the page that the code makes."""

from __future__ import annotations

import csv
import json

import pandas as pd
import pytest
import torch

from docs.pages import case_columns, json_keys
from docs.pages.data_dictionary import PAGE, artery_vein_columns, layout, page
from fundus_mtl.metrics import RefugeCase, av, summarise
from fundus_mtl.results import FAILURE_COLUMNS


def keys_of(value, path=""):
    """Names of all leaves: `a.b`, `a[].b`; a list of plain values is a leaf."""
    if isinstance(value, dict):
        inner = ((f"{path}.{key}" if path else key, one) for key, one in value.items())
        return {name for key, one in inner for name in keys_of(one, key)}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {name for one in value for name in keys_of(one, f"{path}[]")}
    return {path}


def listed(key, entries):
    """Whether a key is in a list, where `a.*` is any key of `a`."""
    return any(key == name or (name.endswith(".*") and key.startswith(name[:-1])) for name, _, _ in entries)


def test_the_page_is_the_one_that_the_code_makes():
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m docs.pages.data_dictionary"
    assert page().count("\n\n## ") == page().count("## ") > 10  # a heading directly below a table would be a row of it


def test_no_entry_is_empty():
    for name, _, meaning in (*layout().columns, *FAILURE_COLUMNS, *json_keys.RUN, *case_columns.REFUGE):
        assert name
        assert meaning


def test_a_written_run_has_only_columns_keys_and_files_of_the_page(tmp_path, photograph, infer):
    """A run with two roles, a failure and a table of skipped files."""
    photograph(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "b.png").write_text("no picture")
    items = [{"id": name, "image": str(tmp_path / "in" / name)} for name in ("a.png", "b.png")]
    infer(items, tmp_path / "out", id_mode="hash")
    text = PAGE.read_text(encoding="utf-8")
    for file in ("results.csv", "failures.csv"):
        with (tmp_path / "out" / file).open(newline="", encoding="utf-8") as table:
            header = next(csv.reader(table))
        assert header
        assert [name for name in header if f"| `{name}` " not in text] == []
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    filled = {key for key in keys_of(run) if "." in key or key in run}
    empty = {"stages", "cards", "packages", "unanswered", "skipped"}  # objects and lists without content
    assert [key for key in sorted(filled) if not listed(key, json_keys.RUN) and key not in empty] == []
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"results.csv", "results.jsonl", "failures.csv", "run.json", "journal.jsonl"} <= written


def test_a_record_with_all_models_has_only_keys_of_the_page():
    """What a run of the package's own weights writes; the record of `test_infer` has the same keys."""
    record = {
        "stages": [{"id": "x", "sha256": "y", "roles": ["disc"]}],
        "cards": [{"id": "x", "note": None, "text": ""}],
        "options": {"further_models": {"disc": "ab"}},
        "unanswered": {"glaucoma": "why"},
        "skipped": {"txt": 1},
    }
    assert all(listed(key, json_keys.RUN) for key in keys_of(record))


def test_evaluations_have_only_columns_of_the_page():
    mask = torch.zeros(1, 20, 30)
    mask[:, 4:12, 5:15] = 1
    sample = {"id": "a", "pred_disc": mask, "disc": mask, "pred_cup": mask, "cup": mask}
    row = RefugeCase()(sample)
    known = {name for name, _, _ in (*case_columns.COMMON, *case_columns.REFUGE)}
    assert set(row) <= known
    assert {name for name, _, _ in case_columns.REFUGE} <= set(row)
    assert set(summarise(pd.DataFrame([row]), n=0).columns) == {name for name, _, _ in json_keys.SUMMARY}


def test_artery_vein_evaluations_have_only_columns_of_the_page():
    true = torch.zeros(20, 30, 3, dtype=torch.uint8).numpy()
    true[4:8, :, 0] = 255
    measured = av.evaluate(None, None, true[..., 0] > 0, true, centrelines=False)
    assert set(measured) == {name for name, _, _ in artery_vein_columns()}


def test_a_training_writes_only_keys_of_the_page():
    bundles = PAGE.parents[1] / "bundles"
    recipes = [json.loads(path.read_text()) for path in bundles.glob("*/models/recipe.json")]
    assert recipes
    for recipe in recipes:
        assert [
            key for key in sorted(keys_of(recipe)) if not listed(key, json_keys.RECIPE) and key != "recipe.options"
        ] == []


@pytest.mark.parametrize("key", ["results", "options.nothing", "model.path"])
def test_an_unknown_key_is_noticed(key):
    assert not listed(key, json_keys.RUN)
