"""From what trainings leave behind to frames, tables and figures; the store is a dictionary here."""

from __future__ import annotations

import json
from dataclasses import replace
from math import isnan
from types import SimpleNamespace

import pandas as pd
import pytest

import fundus_mtl.figures
from fundus_mtl.comparison import Comparison, Method, plan
from fundus_mtl.comparison._all_figures import all_figures
from fundus_mtl.comparison._do_training import Outcome
from fundus_mtl.comparison._remarks import facts_of
from fundus_mtl.comparison._result_frames import collect
from fundus_mtl.comparison._write_tables import write_comparison_tables

FINISHED, FAILED = Outcome("finished"), Outcome("failed", "training: doe_john.jpg: broken")


class Store:
    """Stands for `ComparisonRun`: a run per folder with the metrics that it is given."""

    def __init__(self, metrics=None, data="abc"):
        self.metrics, self.data = metrics or {}, data

    def of_folder(self, folder):
        tags = {"data_sha256": self.data}
        return SimpleNamespace(
            info=SimpleNamespace(run_id=folder.name),
            data=SimpleNamespace(tags=tags, metrics=dict.fromkeys(self.metrics, 0.5)),
        )

    def history(self, run_id, metric):
        return self.metrics[metric]


@pytest.fixture
def comparison(tmp_path):
    return Comparison(
        bundle="digits_mtl",
        methods=(Method("stl", "joint"), Method("joint", "joint")),
        metrics={"acc_even": "higher", "acc_odd": "higher", "val/score": "higher"},
        tasks={"even": ["acc_even"], "odd": ["acc_odd"]},
        single_task="stl",
        baseline="joint",
        seeds=(0, 1),
        output_dir=tmp_path,
    )


def leave(training, summary, cases=None, cost=None):
    folder = training.folder / "evaluation"
    folder.mkdir(parents=True)
    pd.DataFrame(summary.items(), columns=["metric", "value"]).to_csv(folder / "summary.csv", index=False)
    if cases is not None:
        cases.to_csv(folder / "per_case.csv", index=False)
    (training.folder / "cost.json").write_text(
        json.dumps(cost or {"parameters": 5, "step_seconds": 0.5, "training_seconds": 60})
    )


def test_networks_of_single_tasks_answer_for_their_task(comparison):
    trainings = plan(comparison)
    for training in trainings:
        leave(training, {"acc_even": 1.0 + training.seed, "acc_odd": 3.0 + training.seed})
    store = Store({"val/score": [(1, 0.1), (2, 0.5)], "iteration/loss": [(1, 0)]})
    frames = collect(comparison, trainings, [FINISHED] * 6, [], store)
    first = frames.trainings.set_index(["method", "network", "seed"])
    assert first.loc[("stl", "even", 0), ["acc_even", "acc_odd", "val/score"]].isna().tolist() == [False, True, True]
    assert first.loc[("stl", "odd", 1), "acc_odd"] == 4
    assert first.loc[("joint", "", 0), ["acc_even", "acc_odd", "val/score"]].tolist() == [1, 3, 0.5]
    curves = frames.curves
    assert curves.loc[(curves["method"] == "joint") & (curves["seed"] == 0), "value"].tolist() == [0.1, 0.5]
    files, means, fragment = write_comparison_tables(comparison, frames)
    assert means["joint/acc_even"] == 1.5
    table = pd.read_csv(files["comparison.csv"], index_col="method")
    assert table.loc["stl", "ratio parameters / joint value"] == 2  # two networks
    assert table.loc["joint", "delta_mtl stl percent"] == 0
    assert "<section" in fragment
    assert not list(comparison.output_dir.glob("failures.csv"))


def test_what_failed_counts_for_nothing(comparison):
    comparison = replace(
        comparison, single_task=None, methods=comparison.methods[1:], metrics={"acc_even": "higher"}, tasks={}
    )
    trainings = plan(comparison)
    for training in trainings:
        leave(training, {"acc_even": 1.0}, pd.DataFrame({"id": ["007"]}))
    frames = collect(comparison, trainings, [FINISHED, FAILED], [], Store())
    assert isnan(frames.trainings["acc_even"][1])
    assert isnan(frames.trainings["parameters"][1])
    assert frames.cases[["seed", "id"]].to_numpy().tolist() == [[0, "007"]]
    files, _, _ = write_comparison_tables(comparison, frames)
    assert "doe_john" not in files["trainings.csv"].read_text()
    assert "doe_john" in files["failures.csv"].read_text()
    assert "1 of 2 trainings failed" in files["comparison.md"].read_text()
    assert facts_of(comparison, frames.trainings)["Trainings"] == "1 of 2 finished, 0.0 h in total"
    files, means, fragment = write_comparison_tables(
        comparison, collect(comparison, trainings, [FAILED] * 2, [], Store())
    )
    assert (means, fragment, set(files)) == ({}, "", {"trainings.csv", "failures.csv"})


def test_a_training_that_left_nothing(comparison):
    comparison = replace(comparison, single_task=None, methods=comparison.methods[1:], seeds=(0,))
    frames = collect(comparison, plan(comparison), [FINISHED], [], Store())
    assert frames.trainings[["acc_even", "acc_odd", "parameters"]].isna().all(axis=None)
    assert frames.cases.empty
    assert frames.balance.empty
    assert all_figures(comparison, frames) == []


def test_formulas_in_ids_are_harmless(comparison):
    comparison = replace(comparison, single_task=None, methods=comparison.methods[1:], seeds=(0,))
    (training,) = plan(comparison)
    leave(training, {"acc_even": 1.0}, pd.DataFrame({"id": ["=cmd()"], "x": [-1.0]}))
    frames = collect(comparison, [training], [FINISHED], [], Store())
    files, _, _ = write_comparison_tables(comparison, frames)
    assert "joint,,0,,'=cmd(),-1.0" in files["cases.csv"].read_text()


def test_the_figures(comparison):
    """ROC curves where labels are 0 and 1, and not where they are classes; curves; rates of a search; balance."""
    from fundus_mtl.comparison import Search

    comparison = replace(
        comparison,
        single_task=None,
        methods=comparison.methods[1:],
        search=Search(2, {"lr": {"low": 0.1, "high": 1.0}}),
    )
    trainings = plan(comparison)
    cases = pd.DataFrame(
        {"id": list("abcd"), "glaucoma_true": [0, 1, 0, 1], "glaucoma_prob": [0.1, 0.9, 0.6, 0.5],
         "even_true": [0, 4, 2, 1], "even_prob": [0.5] * 4, "fovea_true": [0, 1, 0, 1]}
    )  # fmt: skip
    for training in trainings:
        leave(training, {"acc_even": 1.0}, cases)
        (training.folder / "balance").mkdir()
        steps = {"iteration": [1, 2], "gradient_mean_even": [1.0, 2.0], "gradient_mean_odd": [2.0, 1.0]}
        steps |= {"contribution_even": [1.0, 1.0], "contribution_odd": [1.0, 1.0], "cosine_even_odd": [0.1, 0.2]}
        pd.DataFrame(steps).to_csv(training.folder / "balance" / "balance_steps.csv", index=False)
        rows = "1,even,stem.conv,0.1,0.2,0\n1,odd,stem.conv,broken,0.2,0\n"
        (training.folder / "balance" / "balance.csv").write_text(
            f"iteration,task,layer,gradient,contribution,conflicts\n{rows}"
        )
    curves = {
        "train/loss_even": [(1, 2.0), (2, 1.0)],
        "val/loss_even": [(1, 1.0)],
        "val/score": [(1, -1.0)],
        "lr/0": [(1, 0.1)],
    }
    trials = [
        {"method": "joint", "fold": None, "seed": 0, "lr": rate, "val/score": -rate, "state": "COMPLETE"}
        for rate in (0.1, 1)
    ]
    frames = collect(comparison, trainings, [FINISHED] * 2, trials, Store(curves))
    figures = all_figures(comparison, frames)
    assert [figure.caption.partition(". ")[0] for figure in figures] == [
        "Losses of the training", "Validation while training", "ROC curves, glaucoma",
        "Performance and loss against the learning rate", "Balance and conflict of the tasks",
        "Balance of the tasks by part of the network",
    ]  # fmt: skip
    assert [figure.name for figure in figures] == [
        "learning_curves_losses", "learning_curves_validation", "roc_glaucoma", "learning_rate", "balance", "balance_layers",
    ]  # fmt: skip
    *drawn, broken = figures
    assert all(figure.picture.startswith(b"\x89PNG") and not figure.of_cases for figure in drawn)
    assert broken.picture.startswith("could not be drawn: ")  # what one training left is no number
    assert "layers" not in frames.tables()


def test_a_method_without_data_keeps_its_place(comparison, monkeypatch):
    """Both methods are named to every figure, though only one has curves: colours are by place."""
    named = []
    monkeypatch.setattr(fundus_mtl.figures, "learning_curves", lambda rows, methods, **_: named.append(methods))
    comparison = replace(comparison, single_task=None, seeds=(0,))
    first, second = [method.name for method in comparison.methods]
    trainings = plan(comparison)
    outcomes = [FAILED if training.method == first else FINISHED for training in trainings]
    for training in trainings:
        leave(training, {"acc_even": 1.0}, pd.DataFrame({"id": ["a"]}))
    frames = collect(comparison, trainings, outcomes, [], Store({"train/loss": [(1, 2.0)]}))
    assert set(frames.curves["method"]) == {second}
    all_figures(comparison, frames)
    assert named == [[first, second]]
