"""Which methods are searched, and what a trial's score is; the trainings are a function here."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

pytest.importorskip("optuna", reason="the extra `search` is not installed")

from fundus_mtl.comparison import Comparison, Method, Search
from fundus_mtl.comparison._data_note import OtherDataError, note_data
from fundus_mtl.comparison._do_training import Outcome
from fundus_mtl.comparison._listing import listing
from fundus_mtl.comparison._method_searches import MethodSearches, known_choices, other_searches
from fundus_mtl.comparison._plan import plan
from fundus_mtl.comparison._training_folder import DONE_FILE, note

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
        assert metric == "val/score"
        best = -abs(self.trained[run_id].train_options["lr"] - 0.2)
        return [(1, best - 1), (2, best), (3, float("nan")), (4, best - 2)]


def searches(tmp_path, world, **given):
    methods = tuple(Method(name, "joint") for name in ("stl", "joint", "other"))
    comparison = Comparison(
        "digits_mtl", methods, {"a": "higher"}, tasks={"even": ["a"]}, single_task="stl", output_dir=tmp_path, seeds=(3, 4),
        search=Search(6, SPACE, epochs=2, **given),
    )  # fmt: skip
    return MethodSearches(comparison, world, world.train)


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
    assert MethodSearches(comparison, World(), World().train).methods == []
    assert MethodSearches(comparison, World(), World().train).trials() == []


def test_failed_trainings_choose_nothing(tmp_path):
    assert searches(tmp_path, World("failed")).choose("joint") is None


def test_a_dry_run_knows_what_finished_searches_have_chosen(tmp_path):
    found = searches(tmp_path, World(), methods=("joint", "other"))
    comparison = found.comparison
    assert known_choices(comparison) == {}
    assert not list(tmp_path.iterdir())  # looking makes nothing
    found.choose("joint")
    assert known_choices(comparison) == {"joint": {"lr": 0.2}}
    assert known_choices(replace(comparison, search=replace(comparison.search, trials=7))) == {}  # one is to come
    assert known_choices(replace(comparison, search=replace(comparison.search, epochs=3))) == {}  # another search
    assert other_searches(comparison) == []
    assert other_searches(replace(comparison, search=replace(comparison.search, trials=7))) == []
    other = replace(comparison, search=replace(comparison.search, epochs=3))
    assert other_searches(other) == ["joint"]
    assert [line for line in listing(other).splitlines() if "joint seed" in line] == [
        "other  joint seed 3",
        "other  joint seed 4",
    ]
    done = next(training for training in plan(comparison) if training.method == "joint").with_chosen({"lr": 0.2})
    done.folder.mkdir(parents=True)
    note(done, DONE_FILE)
    lines = listing(comparison).splitlines()
    assert lines[:3] == ["to do  stl even seed 3", "done   joint seed 3", "to do  other seed 3"]
    assert lines[6] == "before these: 6 trials per method (other), whose values the trainings then take"
    found.choose("other")
    assert "before these" not in listing(comparison)


def test_a_dry_run_says_what_is_in_the_way(tmp_path):
    comparison = Comparison("digits_mtl", (Method("joint", "joint"),), {"a": "higher"}, output_dir=tmp_path)
    (training,) = plan(comparison)
    training.folder.mkdir(parents=True)
    for name in ("trained.json", "settings.json", DONE_FILE):
        note(training, name)
    assert listing(comparison).startswith("done   joint seed 0")
    assert listing(replace(comparison, options={"hidden": 7})).startswith("other  joint seed 0")


def test_trials_of_other_data_choose_nothing(tmp_path):
    found = searches(tmp_path, world := World())
    found.choose("joint")
    trial = next(iter(world.trained))
    trial.mkdir(parents=True, exist_ok=True)
    (trial / DONE_FILE).write_text("{}")
    datalist = tmp_path / "datalist.json"
    datalist.write_text("old")
    note_data(trial, [datalist])
    assert found.choose("joint") == {"lr": 0.2}
    datalist.write_text("new")
    with pytest.raises(OtherDataError, match="joint: search: expected the data that joint/search/.* was made with"):
        found.choose("joint")
