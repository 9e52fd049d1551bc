"""What a search's trials measured, and the parts of a network, by hand."""

from __future__ import annotations

from math import nan
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from fundus_mtl.comparison import Comparison, Method, Search
from fundus_mtl.comparison._optuna import values_digest
from fundus_mtl.comparison._trial_measures import measured_trials, measures_of
from fundus_mtl.figures._layers_of_methods import MAX_PARTS, network_parts

SPACE = {"lr": {"low": 0.1, "high": 1.0}, "val_interval": {"choices": [1, 2]}}
HISTORIES = {
    "val/score": [(2, -3.0), (4, -1.0), (6, -2.0)],
    "val/dice": [(2, 0.2), (4, 0.4), (6, 0.6)],
    "train/loss_disc": [(1, 9.0), (3, 8.0), (5, 7.0)],
    "val/late": [(6, 1.0)],
    "lr/0": [(1, 0.1)],
    "iteration/loss": [(1, 1.0)],
}


class Store:
    """One trial has a run."""

    def __init__(self, folder):
        self.folder = folder

    def of_folder(self, folder):
        run = SimpleNamespace(info=SimpleNamespace(run_id="7"), data=SimpleNamespace(metrics=dict.fromkeys(HISTORIES)))
        return run if folder == self.folder else None

    def history(self, run_id, metric):
        assert run_id == "7"
        return HISTORIES[metric]


def comparison(search):
    metrics = {"dice": "higher"}
    return Comparison("digits_mtl", (Method("joint", "joint"),), metrics, search=search, output_dir=Path("out"))


def trial(**given):
    return {"method": "joint", "lr": 0.5, "val_interval": 2, "val/score": -1.0, "state": "COMPLETE"} | given


def test_measures_are_of_the_best_epoch():
    search = Search(3, SPACE)
    store = Store(Path("out/joint/search") / values_digest({"lr": 0.5, "val_interval": 2}))
    trials = [trial(), trial(lr=0.7), trial(state="FAIL", **{"val/score": nan}), trial(**{"val/score": -7.0})]
    rows = measured_trials(comparison(search), trials, store)
    assert measures_of(search, rows) == ["val/dice", "train/loss_disc", "val/late"]
    assert rows.loc[0, ["val/dice", "train/loss_disc"]].tolist() == [0.4, 8.0]
    assert pd.isna(rows.loc[0, "val/late"])
    assert rows.loc[1:, ["val/dice", "train/loss_disc", "val/late"]].isna().all(axis=None)
    assert rows["val/score"].tolist()[:2] == [-1.0, -1.0]
    assert rows["val_interval"].tolist() == [2] * 4
    assert "lr/0" not in rows


def test_without_a_search():
    assert measured_trials(comparison(None), [], Store(None)).empty


def table(layers, task="disc"):
    rows = [(1, task, layer, float(i), 10.0 * i) for i, layer in enumerate(layers)]
    return pd.DataFrame(rows, columns=["iteration", "task", "layer", "gradient", "contribution"])


def test_few_layers_are_parts_of_their_own():
    both = pd.concat([table(["stem.0", "head"]), table(["stem.0", "head"]).assign(iteration=2, gradient=5.0)])
    found = network_parts(both)
    assert found["layer"].tolist() == ["stem.0", "head"]
    assert found["gradient"].tolist() == [2.5, 3.0]
    assert list(found) == ["task", "layer", "gradient", "contribution"]


def test_trainings_stay_apart():
    """Also those of a fold that is not numbered; parts are named alike for all methods."""
    deep = table([f"encoder.{i}" for i in range(MAX_PARTS)]).assign(method="joint", fold=None)
    found = network_parts(pd.concat([deep, table(["encoder.0", "head.0"]).assign(method="mao", fold=0)]))
    assert found[["method", "layer"]].to_numpy().tolist() == [
        ["joint", "encoder"], ["mao", "encoder"], ["mao", "head"],
    ]  # fmt: skip
    assert found["gradient"].tolist() == [(MAX_PARTS - 1) / 2, 0, 1]


def test_many_layers_are_summed_up_by_their_first_names():
    layers = [f"encoder.{i}.{j}.conv" for i in range(2) for j in range(MAX_PARTS)]
    found = network_parts(pd.concat([table([*layers, "head"]), table(["head"], "cup")]))
    assert found[["task", "layer"]].to_numpy().tolist() == [
        ["disc", "encoder.0"], ["disc", "encoder.1"], ["disc", "head"], ["cup", "head"],
    ]  # fmt: skip
    assert found["gradient"].tolist() == pytest.approx(
        [(MAX_PARTS - 1) / 2, MAX_PARTS + (MAX_PARTS - 1) / 2, 2 * MAX_PARTS, 0]
    )
    flat = network_parts(table([f"layer{i}" for i in range(MAX_PARTS + 3)]))
    assert len(flat) == MAX_PARTS + 3  # no shorter names to sum up by
    assert network_parts(table([])).empty
