import csv
import logging
from math import isnan, nan

import pandas as pd
import pytest
import torch
from ignite.engine import Engine, Events

from fundus_mtl.handlers import CaseTable
from fundus_mtl.metrics import RefugeCase


def evaluate(batches, *handlers):
    """Run an engine whose output is each batch, as after decollation."""
    engine = Engine(lambda _, batch: batch)
    for handler in handlers:
        handler.attach(engine)
    engine.run(batches)
    return engine


def measure(sample):
    if sample["value"] < 0:
        raise ValueError("expected a positive value, but got a negative one.")
    return {"id": sample["id"], "score": sample["value"], "note": ""}


def summarise(rows):
    columns = {"value": [rows["score"].mean(), nan], "low": [0.5, nan], "high": [2.5, nan], "n": [len(rows), 0]}
    texts = {"unit": ["px", ""], "definition": ["mean", "none"], "note": ["", "no case has it"]}
    return pd.DataFrame({"metric": ["score_mean", "nothing"], **columns, **texts})


def batches(*values):
    return [[{"id": f"case {index}", "value": value}] for index, value in enumerate(values)]


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_tables_by_hand(tmp_path, caplog):
    table = CaseTable(measure, tmp_path / "new", summarise, prefix="val", note="phantoms, not patients")
    with caplog.at_level(logging.INFO):
        evaluate(batches(1.0, 2.0, 6.0), table)
    assert table.rows[1] == {"id": "case 1", "score": 2.0, "note": ""}
    assert table.metrics == {"val/score_mean": 3.0}
    assert read(tmp_path / "new" / "per_case.csv")[2] == {"id": "case 2", "score": "6.0", "note": ""}
    mean, nothing = read(tmp_path / "new" / "summary.csv")
    assert (mean["metric"], mean["value"], mean["n"]) == ("score_mean", "3.0", "3")
    assert (nothing["value"], nothing["low"], nothing["n"], nothing["note"]) == ("", "", "0", "no case has it")
    text = (tmp_path / "new" / "summary.md").read_text(encoding="utf-8")
    assert text.splitlines()[:5] == [
        "phantoms, not patients",
        "",
        "| metric     | value | interval       | n | unit | note |",
        "| ---------- | ----- | -------------- | - | ---- | ---- |",
        "| score_mean | 3.000 | [0.500, 2.500] | 3 | px   |      |",
    ]
    assert "Without a value: nothing." in text
    assert "Research use only" in text
    assert text in caplog.text
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["per_case.csv", "summary.csv", "summary.md"]


def test_several_sources_are_summarised_each_by_itself(tmp_path):
    values = {"a": (1.0, 3.0), "b": (8.0, -1.0)}
    given = [[{"id": f"{name}{v}", "value": v, "source": name}] for name, some in values.items() for v in some]
    table = CaseTable(measure, tmp_path, summarise)
    table_engine = Engine(lambda _, batch: batch)
    table.attach(table_engine)
    table_engine.add_event_handler(
        Events.STARTED, lambda: table.fail({"id": "lost", "source": "b"}, "read", OSError("no such file"))
    )
    table_engine.run(given)
    rows = read(tmp_path / "per_case.csv")
    assert [row["source"] for row in rows] == ["a", "a", "b", "b", "b"]  # also of what could not be measured or read
    first, second = read(tmp_path / "summary_by_source.csv")
    assert (first["source"], first["metric"], first["value"]) == ("a", "score_mean", "2.0")
    assert (second["source"], second["metric"], second["value"]) == ("b", "score_mean", "8.0")
    assert table.metrics == {"test/score_mean": 4.0}
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert "| a      | score_mean | 2.000 | [0.500, 2.500] | 2 | px   |      |" in text
    evaluate(
        [[{"id": "x", "value": 1.0, "source": "a"}], [{"id": "y", "value": 2.0}]], CaseTable(measure, tmp_path / "one")
    )
    assert not (tmp_path / "one" / "summary_by_source.csv").exists()


def test_text_cannot_become_a_formula(tmp_path):
    dangerous = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "fine", 'comma, "quote"']
    table = CaseTable(measure, tmp_path, summarise)
    evaluate([[{"id": name, "value": 2.0} for name in dangerous]], table)
    written = [row["id"] for row in read(tmp_path / "per_case.csv")]
    assert written == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx", "fine", 'comma, "quote"']
    assert [row["id"] for row in table.rows] == dangerous
    negative = CaseTable(lambda sample: {"id": "a", "score": -1.5}, tmp_path, summarise)
    evaluate([[{"id": "a"}]], negative)
    assert read(tmp_path / "per_case.csv")[0]["score"] == "-1.5"


def test_a_bad_sample_is_one_row(tmp_path, caplog):
    table = CaseTable(measure, tmp_path, summarise)
    evaluate(batches(1.0, -1.0, 3.0), table)
    good, bad, other = read(tmp_path / "per_case.csv")
    assert bad == {
        "id": "case 1",
        "score": "",
        "note": "not measured: expected a positive value, but got a negative one.",
    }
    assert (good["score"], other["score"], table.metrics["test/score_mean"]) == ("1.0", "3.0", 2.0)
    assert "case 1: not measured" in caplog.text


def test_a_second_run_starts_anew(tmp_path):
    table = CaseTable(measure, tmp_path, summarise)
    engine = evaluate(batches(1.0, 2.0), table)
    engine.run(batches(5.0), max_epochs=1)
    assert len(table.rows) == len(read(tmp_path / "per_case.csv")) == 1
    assert table.metrics == {"test/score_mean": 5.0}


def test_a_batch_that_was_not_decollated_is_refused(tmp_path):
    with pytest.raises(TypeError, match="expected a list of samples, but got dict; keep decollate=True"):
        evaluate([{"id": ["a"]}], CaseTable(measure, tmp_path, summarise))


def test_with_the_measures_of_refuge(tmp_path):
    """End to end on two samples with masks, a fovea and a class; the second lacks its masks."""
    mask = torch.zeros(1, 40, 60)
    mask[:, 10:30, 20:40] = 1
    cup = mask.clone()
    cup[:, 20:] = 0
    point = torch.tensor([10.0, 12.0], dtype=torch.float64)
    full = {"disc": mask, "cup": cup, "fovea": point, "glaucoma": torch.tensor([1.0])}
    sample = {"id": "one", **full, **{f"pred_{key}": value for key, value in full.items()}}
    other = {**sample, "id": "two", "disc_present": torch.tensor(False), "glaucoma": torch.tensor([0.0])}
    other["pred_glaucoma"] = torch.tensor([0.2])
    table = CaseTable(RefugeCase(), tmp_path)
    evaluate([[sample], [other]], table)
    first, second = read(tmp_path / "per_case.csv")
    assert (first["disc_dice"], first["vcdr_true"], first["fovea_error_px"]) == ("1.0", "0.5", "0.0")
    assert (second["disc_dice"], second["vcdr_true"], second["vcdr_pred"]) == ("", "", "0.5")
    assert second["note"] == "disc not labelled"
    assert table.metrics["test/auc"] == table.metrics["test/disc_dice"] == 1.0
    assert not any(isnan(value) for value in table.metrics.values())
    assert "test/auc_vcdr" not in table.metrics


def test_no_sample_at_all(tmp_path):
    table = CaseTable(RefugeCase(), tmp_path)
    table.write()
    assert table.metrics == {}
    assert (table.summary["n"] == 0).all()
    assert "Without a value: disc_dice, cup_dice" in (tmp_path / "summary.md").read_text(encoding="utf-8")
