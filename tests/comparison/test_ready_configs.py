"""The ready comparisons of REFUGE, run on phantoms: tiny photographs and networks, one epoch, in this process."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from monai.utils import path_to_sqlite_uri

from data_prep.phantom import write_refuge
from data_prep.refuge import prepare
from fundus_mtl.cli import main
from fundus_mtl.comparison import _run_comparison
from fundus_mtl.data import read_datalist
from fundus_mtl.tracking import close_client, describe_samples, open_client, read_run_file
from tests.bundles.conftest import BUNDLES, TINY_BUNDLE
from tests.comparison.in_process import InProcess

CONFIGS = BUNDLES / "refuge_mtl" / "configs"
NO_INTERVALS = "{_target_: fundus_mtl.metrics.summarise, _mode_: callable, n: 0}"  # a thousand resamples take seconds
VARYING = "fovea_error_px256_mean"  # after one epoch no mask is found yet, but every network has a brightest point
OWN = {"glaucoma": "auc", "disc": "disc_dice"}  # two of the four: a network takes seconds


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Twelve, eight and four phantoms, half of them with glaucoma."""
    folder = tmp_path_factory.mktemp("refuge for comparisons")
    write_refuge(folder / "raw", {"train": 12, "validation": 8, "test": 4}, size=96, seed=0, share=0.5)
    prepare(folder / "raw", folder / "data")
    return folder / "data"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """One MLflow store for both: making one takes seconds."""
    uri = path_to_sqlite_uri(tmp_path_factory.mktemp("store") / "mlflow.db")
    client = open_client(uri)
    yield uri, client
    close_client(client)


@pytest.fixture(scope="module")
def compare(data, store, tmp_path_factory):
    """Return a function from a config's name, and changes, to the exit status and the output folder."""

    def run(name, *changes):
        out = tmp_path_factory.mktemp(name)
        tiny = {f"options.{key}": value for key, value in TINY_BUNDLE["refuge_mtl"].items()}
        tiny |= {"options.dataset_dir": data, "output_dir": out, "tracking_uri": store[0], "devices": "[cpu]"}
        tiny |= {"train_options.batch_size": 4, "budget": "{epochs: 1}", "evaluate_options.keep_cases": False}
        tiny["evaluate_options.case_table::summarise"] = NO_INTERVALS
        given = [*(f"{key}={value}" for key, value in tiny.items()), *changes]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_run_comparison, "ChildProcesses", InProcess)
            status = main(
                ["compare", str(CONFIGS / f"{name}.yaml"), *(part for one in given for part in ("--set", one))]
            )
        return status, out

    return run


@pytest.fixture(scope="module")
def cv5(compare):
    return compare("compare_cv5", "methods=[joint, mtl_io]", "single_task=null")


@pytest.fixture(scope="module")
def official(compare):
    methods = "methods=[{name: single_task, overlay: joint, train_options: {balance_interval: 0}}, joint]"
    tasks = "tasks={" + ", ".join(f"{task}: [{metric}]" for task, metric in OWN.items()) + "}"
    return compare("compare_official", methods, tasks, "seeds=[0, 1]")


def ids(items):
    return [item["id"] for item in items]


def digest(*given, **options):
    return describe_samples(read_datalist(*given, **options))["digest"]


def seen(client, run_id):
    """Return the digests of the samples that a training has been given, by section."""
    return {given.dataset.name: given.dataset.digest for given in client.get_run(run_id).inputs.dataset_inputs}


def cells(out):
    """Return the comparison's table, the first on its page, as text: method to line."""
    table = (out / "comparison.md").read_text().split("\np against the best")[0]
    return {line.split("|")[1].strip(" *"): line for line in table.splitlines() if line.startswith("| ")}


def test_every_fold_of_every_method(cv5):
    status, out = cv5
    assert status == 0
    rows = pd.read_csv(out / "trainings.csv")
    assert list(zip(rows["method"], rows["fold"], strict=True)) == [
        (method, fold) for fold in range(5) for method in ("joint", "mtl_io")
    ]
    assert (rows["status"] == "finished").all()
    assert rows["disc_dice"].between(0, 1).all()
    assert rows[VARYING].nunique() > 5  # other folds make other networks


def test_no_photograph_is_in_two_folds_or_in_training_and_validation(cv5, store, data):
    """Over the five folds every pooled photograph validates once; MTL-IO's test set is the same for all."""
    _, out = cv5
    datalist = data / "datalist_cv5.json"
    pooled = sorted(ids(json.loads(datalist.read_text())["training"]))
    folds = {
        section: [read_datalist(datalist, section, fold=f) for f in range(5)] for section in ("training", "validation")
    }
    assert sorted(name for items in folds["validation"] for name in ids(items)) == pooled
    for row in pd.read_csv(out / "trainings.csv").to_dict("records"):
        given = {section: folds[section][row["fold"]] for section in folds}
        assert sorted(ids(given["training"]) + ids(given["validation"])) == pooled
        told = {section: describe_samples(items)["digest"] for section, items in given.items()}
        assert seen(store[1], row["run_id"]) == told
    tested = pd.read_csv(out / "cases.csv").groupby(["method", "fold"])["id"].agg(sorted)
    assert len(tested) == 10
    assert all(names == ["T0001", "T0002", "T0003", "T0004"] for names in tested)
    assert not set(pooled) & set(tested.iloc[0])


def test_mean_and_std_are_those_of_the_folds(cv5, store):
    _, out = cv5
    found = pd.read_csv(out / "trainings.csv").groupby("method")[VARYING].agg(["mean", "std"])
    parent = store[1].get_run(read_run_file(out)).data.metrics
    for method, row in found.iterrows():
        assert parent[f"{method}/{VARYING}"] == pytest.approx(row["mean"])
        assert parent[f"{method}/{VARYING}_std"] == pytest.approx(row["std"])
        assert row["std"] > 0
        assert "±" in cells(out)[method]


def test_the_official_split_and_a_network_per_task(official, store, data):
    status, out = official
    assert status == 0
    rows = pd.read_csv(out / "trainings.csv", keep_default_na=False)
    assert rows["network"].tolist() == [*OWN, "", *OWN, ""]
    assert rows["seed"].tolist() == [0] * 3 + [1] * 3
    datalist = data / "datalist_official.json"
    joint = rows[rows["method"] == "joint"]
    for run_id in joint["run_id"]:
        assert seen(store[1], run_id) == {name: digest(datalist, name) for name in ("training", "validation")}
    tested = pd.read_csv(out / "cases.csv", dtype={"network": str}, keep_default_na=False)
    assert set(tested["id"]) == set(ids(read_datalist(datalist, "testing")))
    assert not tested.duplicated(["method", "seed", "network", "id"]).any()
    for task, metric in OWN.items():  # a network that was trained for a task alone answers for that task
        alone = rows[rows["network"] == task]
        assert (alone[metric] != "").all()
        assert not [other for other in set(OWN.values()) - {metric} if (alone[other] != "").any()]
    table = cells(out)
    assert {"single_task", "joint"} <= set(table)
    assert all("±" in table[name] for name in ("single_task", "joint"))


def test_all_runs_end_finished_under_their_parent(cv5, official, store):
    client = store[1]
    (experiment,) = [found for found in client.search_experiments() if found.name == "refuge_mtl compare"]
    runs = client.search_runs([experiment.experiment_id], max_results=100)
    assert {run.info.status for run in runs} == {"FINISHED"}
    for (_, out), count in ((cv5, 10), (official, 6)):
        parent = read_run_file(out)
        assert sum(run.data.tags.get("mlflow.parentRunId") == parent for run in runs) == count
    assert len(runs) == 18


def test_a_changed_datalist_is_refused_and_a_missing_one_is_not(cv5, data, compare, capsys, monkeypatch):
    """Last of all: the datalist is not what it was any more."""
    _, out = cv5
    again = ("methods=[joint, mtl_io]", "single_task=null", f"output_dir={out}")
    datalist = data / "datalist_cv5.json"
    text = datalist.read_text()
    datalist.write_text(
        text.replace('"fold": 0', '"fold": 9').replace('"fold": 1', '"fold": 0').replace('"fold": 9', '"fold": 1')
    )
    try:
        assert compare("compare_cv5", *again)[0] == 2
        said = capsys.readouterr().err
        assert "joint fold 0 seed 0: expected the data that joint/fold0/seed0 was made with" in said
        assert "a datalist_cv5.json that has changed since; restore the old file" in said
        datalist.unlink()
        before = {path: path.stat().st_mtime_ns for path in out.glob("*/*/*/done.json")}
        assert compare("compare_cv5", *again)[0] == 0
        assert len(before) == 10
        assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    finally:
        datalist.write_text(text)
