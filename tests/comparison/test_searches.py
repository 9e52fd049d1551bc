"""Which methods are searched, and what a trial's score is; the trainings are a function here."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("optuna", reason="the extra `search` is not installed")

from fundus_mtl.comparison import Comparison, Method, Search
from fundus_mtl.comparison._one_training import Outcome
from fundus_mtl.comparison._searches import Searches

SPACE = {"lr": {"choices": [0.1, 0.2, 0.3]}}


class World:
    """Trains by noting the rate, and answers with a history whose best value is minus the rate's distance from 0.2."""

    def __init__(self, status="finished"):
        self.trained, self.status = {}, status

    def train(self, training):
        self.trained[training.folder] = training
        return Outcome(self.status, "")

    def of_folder(self, folder):
        return SimpleNamespace(info=SimpleNamespace(run_id=folder))

    def history(self, run_id, metric):
        assert metric == "val_score"
        best = -abs(self.trained[run_id].train_options["lr"] - 0.2)
        return [(1, best - 1), (2, best), (3, float("nan")), (4, best - 2)]


def searches(tmp_path, world, **given):
    methods = tuple(Method(name, "joint") for name in ("stl", "joint", "other"))
    comparison = Comparison(
        "digits_mtl", methods, {"a": "higher"}, tasks={"even": ["a"]}, single_task="stl", output_dir=tmp_path, seeds=(3, 4),
        search=Search(6, SPACE, epochs=2, **given),
    )  # fmt: skip
    return Searches(comparison, world, world.train)


def test_the_best_rate_of_each_method(tmp_path):
    world = World()
    found = searches(tmp_path, world)
    assert found.methods == ["joint", "other"]
    assert found.choose("joint") == {"lr": 0.2}
    assert all(folder.parent == tmp_path / "joint" / "search" for folder in world.trained)
    assert {(t.method, t.seed, t.train_options["max_epochs"]) for t in world.trained.values()} == {("joint", 3, 2)}
    found.choose("other")
    rows = found.trials()
    assert [row["method"] for row in rows] == ["joint"] * 6 + ["other"] * 6
    assert {row["seed"] for row in rows} == {3}


def test_only_some_methods_and_no_search(tmp_path):
    assert searches(tmp_path, World(), methods=("other",)).methods == ["other"]
    comparison = Comparison("digits_mtl", (Method("joint", "joint"),), {"a": "higher"}, output_dir=tmp_path)
    assert Searches(comparison, World(), World().train).methods == []
    assert Searches(comparison, World(), World().train).trials() == []


def test_failed_trainings_choose_nothing(tmp_path):
    assert searches(tmp_path, World("failed")).choose("joint") is None
