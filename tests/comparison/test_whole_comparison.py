"""A real comparison, small: two methods x two seeds of scikit-learn's digits, one epoch each; then stopped and gone on with.

The trainings are real processes, each of which imports MONAI, so that all is driven twice only, for the whole module.
"""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest
import yaml

from fundus_mtl.cli import main
from fundus_mtl.comparison import _do_training, read_comparison
from fundus_mtl.comparison._parent_run import ComparisonRun
from fundus_mtl.tracking import artifact_folder, open_client, read_run_file, write_run_file

CONFIG = {
    "bundle": "digits_mtl",
    "name": "tiny",
    "methods": ["joint", "mgda"],
    "seeds": [0, 1],
    "options": {"hidden": 6, "dataset_dir": None},
    "train_options": {"batch_size": 128, "balance_interval": 3},
    "budget": {"epochs": 1},
    "metrics": {"acc_even_percent": "higher", "val/loss_odd": "lower"},
    "tasks": {"even": ["acc_even_percent"], "odd": ["val/loss_odd"]},
    "devices": ["cpu"],
    "workers": 2,
    "experiment_name": "tiny comparison",
    "note": "Not MNIST.",
}
BROKEN = "{name: broken, overlay: joint, train_options: {nonsense: 1}}"


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A config file, and what a training that was killed long ago has left: a run that says RUNNING."""
    folder = tmp_path_factory.mktemp("comparison of digits")
    config = folder / "tiny.yaml"
    config.write_text(yaml.safe_dump(CONFIG | {"output_dir": str(folder / "out")}))
    comparison = read_comparison(config)
    client = open_client(comparison.tracking_uri)
    where = artifact_folder(comparison.tracking_uri)
    experiment = client.create_experiment(comparison.experiment_name, artifact_location=where)
    left = client.create_run(experiment, run_name="left over")
    write_run_file(comparison.output_dir / "joint" / "all" / "seed0", comparison.experiment_name, left.info.run_id)
    return config, comparison, client, experiment


@pytest.fixture(scope="module")
def driven(given):
    config, comparison, client, experiment = given
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_do_training.shutil, "rmtree", lambda *_, **__: None)  # checkpoints stay for `driven_on`
        status = main(["compare", str(config)])
    return status, comparison.output_dir, client, experiment


@pytest.fixture(scope="module")
def driven_on(given, driven):
    """One training was killed after its last checkpoint, and a method that cannot work is added."""
    config, comparison, client, _ = given
    folder = comparison.output_dir / "mgda" / "all" / "seed1"
    for name in ("done.json", "trained.json"):
        (folder / name).unlink()
    client.update_run(read_run_file(folder), status="RUNNING")
    before = {path: path.stat().st_mtime_ns for path in comparison.output_dir.glob("*/all/*/done.json")}
    tables = (comparison.output_dir / "trainings.csv").read_text()
    status = main(["compare", str(config), "--set", f"methods=[joint, mgda, {BROKEN}]", "--set", "seeds=[1]"])
    return status, before, tables


def runs_of(client, experiment):
    return client.search_runs(experiment, max_results=100)


def test_it_finishes_with_tables(driven):
    status, out, *_ = driven
    assert status == 0
    rows = pd.read_csv(out / "trainings.csv")
    assert rows[["method", "seed"]].to_numpy().tolist() == [["joint", 0], ["mgda", 0], ["joint", 1], ["mgda", 1]]
    assert (rows["status"] == "finished").all()
    assert rows["acc_even_percent"].between(0, 100).all()
    assert rows["val/loss_odd"].gt(0).all()
    assert len(set(rows["parameters"])) == 1
    assert (rows["step_seconds"] > 0).all()
    text = (out / "comparison.md").read_text()
    assert text.startswith("Research use only.\nNot MNIST.")
    assert re.search(r"\| mgda .*±", text)
    assert "step time / joint" in text
    assert "<html" in (out / "comparison.html").read_text()
    assert "data:image/png" in (out / "comparison.html").read_text()
    assert "tabular" in (out / "comparison.tex").read_text()
    assert (out / "comparison.csv").read_text().count("\n") == 3
    assert not (out / "failures.csv").exists()


def test_a_metric_is_that_of_the_evaluation(driven):
    _, out, *_ = driven
    summary = pd.read_csv(out / "joint" / "all" / "seed1" / "evaluation" / "summary.csv").set_index("metric")
    rows = pd.read_csv(out / "trainings.csv").set_index(["method", "seed"])
    assert rows.loc[("joint", 1), "acc_even_percent"] == pytest.approx(summary.loc["acc_even_percent", "value"])


def test_the_frames(driven):
    _, out, *_ = driven
    curves, cases = pd.read_csv(out / "curves.csv"), pd.read_csv(out / "cases.csv")
    assert {"train/loss_even", "val/loss_odd", "val/score", "lr/0"} <= set(curves["metric"])
    assert set(curves.loc[~curves["metric"].str.startswith("test/"), "step"]) == {1}
    assert not curves.duplicated(["method", "seed", "metric", "step"]).any()
    assert not curves["metric"].str.startswith("iteration_").any()
    assert len(cases) == 4 * 400
    assert cases.columns[:5].tolist() == ["method", "fold", "seed", "network", "id"]
    correct = cases.groupby(["method", "seed"])["even_correct"].mean() * 100
    rows = pd.read_csv(out / "trainings.csv").set_index(["method", "seed"])
    pd.testing.assert_series_equal(correct, rows["acc_even_percent"].sort_index(), check_names=False)


def test_runs_are_nested_and_closed(driven):
    _, out, client, experiment = driven
    runs = {run.info.run_name: run for run in runs_of(client, experiment)}
    assert set(runs) == {
        "compare digits_mtl tiny", "left over", "joint seed 0", "joint seed 1", "mgda seed 0", "mgda seed 1",
    }  # fmt: skip
    assert runs["left over"].info.status == "KILLED"
    parent = runs["compare digits_mtl tiny"]
    assert parent.info.status == "FINISHED"
    assert "Research use only" in parent.data.tags["mlflow.note.content"]
    child = runs["mgda seed 1"]
    assert child.info.status == "FINISHED"
    tags = child.data.tags
    assert tags["mlflow.parentRunId"] == parent.info.run_id
    assert (tags["method"], tags["seed"], tags["stage"]) == ("mgda", "1", "comparison")
    assert tags["data_sha256"] == parent.data.tags["data_sha256"]
    assert tags.get("mlflow.source.git.commit") == parent.data.tags.get("mlflow.source.git.commit")
    assert {"parameters", "step_seconds", "test/acc_even_percent"} <= set(child.data.metrics)
    cost = json.loads((out / "mgda" / "all" / "seed1" / "cost.json").read_text())
    assert child.data.metrics["step_seconds"] == cost["step_seconds"]


def test_the_parent_holds_the_tables_and_no_case(driven):
    _, out, client, _ = driven
    parent = read_run_file(out)
    names = {file.path for file in client.list_artifacts(parent)}
    assert {
        "comparison.md",
        "comparison.csv",
        "comparison.tex",
        "comparison.html",
        "trainings.csv",
        "curves.csv",
    } <= names
    assert "cases.csv" not in names
    run = client.get_run(parent)
    rows = pd.read_csv(out / "trainings.csv")
    mean = rows.groupby("method")["acc_even_percent"].mean()["joint"]
    assert run.data.metrics["joint/acc_even_percent"] == pytest.approx(mean)
    assert run.data.params == {"bundle": "digits_mtl"}
    assert (run.data.tags["methods"], run.data.tags["seeds"], run.data.tags["epochs"]) == ("joint, mgda", "0, 1", "1")
    assert not any(str(out) in value for value in [*run.data.params.values(), *run.data.tags.values()])


def test_figures_are_files_in_both_places(driven):
    _, out, client, _ = driven
    here = {path.name for path in (out / "figures").iterdir()}
    assert here == {"learning_curves_losses.png", "learning_curves_validation.png", "balance.png", "balance_layers.png"}
    parent = read_run_file(out)
    assert {file.path for file in client.list_artifacts(parent, "figures")} == {f"figures/{name}" for name in here}
    text = (out / "comparison.md").read_text()
    assert "- p-values are paired over seeds x folds (2 x 1)" in text
    assert "2 trainings at a time on one machine" in text


def test_what_is_told_of_a_comparison_grows_with_it(given, driven_on):
    _, comparison, client, _ = given
    tags = client.get_run(read_run_file(comparison.output_dir)).data.tags
    assert (tags["methods"], tags["seeds"]) == ("joint, mgda, broken", "1")
    assert tags["mlflow.note.content"].startswith("Not MNIST.")


def test_it_goes_on(given, driven_on):
    _, comparison, client, experiment = given
    _, before, tables = driven_on
    out = comparison.output_dir
    assert len(before) == 3
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())  # not repeated
    assert "Already trained for 1 epochs of 1" in (out / "mgda" / "all" / "seed1" / "log.txt").read_text()
    assert (out / "mgda" / "all" / "seed1" / "done.json").is_file()
    again, first = (table.set_index(["method", "seed"]) for table in (pd.read_csv(out / "trainings.csv"), _csv(tables)))
    assert again.loc[("mgda", 1), "acc_even_percent"] == first.loc[("mgda", 1), "acc_even_percent"]
    assert again.loc[("mgda", 1), "run_id"] == first.loc[("mgda", 1), "run_id"]
    assert not [run.info.run_name for run in runs_of(client, experiment) if run.info.status == "RUNNING"]
    assert sum(run.info.run_name.startswith("compare") for run in runs_of(client, experiment)) == 1


def test_a_failure_is_a_row_and_the_rest_is_written(given, driven_on):
    _, comparison, client, _ = given
    status, *_ = driven_on
    out = comparison.output_dir
    assert status == 3
    rows = pd.read_csv(out / "trainings.csv").set_index("method")
    assert rows["status"].to_dict() == {"joint": "finished", "mgda": "finished", "broken": "failed"}
    assert rows.loc["broken", ["acc_even_percent", "parameters"]].isna().all()
    (failure,) = pd.read_csv(out / "failures.csv").to_dict("records")
    assert failure["reason"].startswith("training: --nonsense: no such item in")
    assert "/" not in failure["reason"]
    assert "1 of 3 trainings failed" in (out / "comparison.md").read_text()
    parent = read_run_file(out)
    assert client.get_run(parent).info.status == "FAILED"
    assert "failures.csv" not in {file.path for file in client.list_artifacts(parent)}


def test_other_settings_are_refused_before_anything_runs(given, driven, capsys):
    config, *_ = given
    assert main(["compare", str(config), "--set", "options.hidden=7"]) == 2
    said = capsys.readouterr().err
    assert "joint seed 0: expected the settings that joint/all/seed0 was made with, but got others" in said
    assert main(["compare", str(config), "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("done   joint seed 0\n")


def test_an_end_that_nobody_could_tell(given, driven):
    """Ctrl-C in the command itself, and an error in it, close the parent's run."""
    _, comparison, client, _ = given
    store = ComparisonRun(comparison)
    assert client.get_run(store.run_id).info.status == "RUNNING"
    store.close("KILLED")
    assert client.get_run(store.run_id).info.status == "KILLED"


def _csv(text):
    from io import StringIO

    return pd.read_csv(StringIO(text))
