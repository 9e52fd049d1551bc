"""Which pictures stand in a panel of cases, and in which order; what is drawn is caught, but for one real picture."""

from __future__ import annotations

from dataclasses import replace
from math import isnan
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import fundus_mtl.figures
from fundus_mtl.comparison import Comparison, Method, plan
from fundus_mtl.comparison._do_training import Outcome
from fundus_mtl.comparison._kept_pictures import kept_pictures
from fundus_mtl.comparison._method_pictures import method_pictures, panel_columns
from fundus_mtl.comparison._result_frames import collect

DICE = (0.5, 0.1, 0.9, 0.3, 0.7)  # of doe_0 … doe_4, so that the worst is doe_1
ERROR = (5.0, 1.0, 9.0, 3.0, 7.0)


class Store:
    def of_folder(self, folder):
        return None


@pytest.fixture
def comparison(tmp_path):
    return Comparison(
        bundle="digits_mtl",
        methods=(Method("stl", "joint"), Method("joint", "joint")),
        metrics={"auc": "higher", "dice": "higher", "error_mean": "lower"},
        tasks={"glaucoma": ["auc"], "disc": ["auc", "dice"], "fovea": ["error_mean"]},
        single_task="stl",
        seeds=(0, 1),
        output_dir=tmp_path,
    )


def keep(training, number, *parts, size=(12, 8)):
    folder = training.folder / "evaluation" / "cases"
    folder.mkdir(exist_ok=True)
    for part in parts:
        Image.fromarray(np.full((*size, 3), 100, dtype=np.uint8)).save(folder / f"{number}_{part}.jpg")


@pytest.fixture
def frames(comparison):
    """Joint kept pictures with seed 1 only, and none of the median; stl's network of the fovea kept none."""
    trainings = plan(comparison)
    for training in trainings:
        table = pd.DataFrame({"id": [f"doe_{i}" for i in range(5)]})
        if training.network in ("", "disc"):
            table["dice"] = [value + 0.01 * training.seed for value in DICE]
        if training.network in ("", "fovea"):
            table["error"] = ERROR
        (training.folder / "evaluation").mkdir(parents=True)
        table.to_csv(training.folder / "evaluation" / "per_case.csv", index=False)
        if training.network == "disc":
            for number in range(5):
                keep(training, number, "photograph", "prediction", size=(6, 9))
        if (training.network, training.seed) == ("", 1):
            for number in (1, 2, 3, 4):
                keep(training, number, "photograph", "truth", "prediction")
    return collect(comparison, trainings, [Outcome("finished")] * len(trainings), [], Store())


@pytest.fixture
def caught(monkeypatch):
    """Return what `picture_grid` is called with."""
    calls = []

    def draw(pictures, captions=None, values=None, form=""):
        calls.append(SimpleNamespace(pictures=pictures, captions=captions, numbers=values, form=form))
        return b"drawn"

    monkeypatch.setattr(fundus_mtl.figures, "picture_grid", draw)
    return calls


def drawn(comparison, frames, caught):
    """Draw all panels; return them by name."""
    drawings = list(method_pictures(comparison, frames))
    assert all(drawing.of_cases and drawing.draw() == b"drawn" for drawing in drawings)
    return dict(zip([drawing.name for drawing in drawings], caught, strict=True))


def test_from_the_worst_to_the_best(comparison, frames, caught):
    panel = drawn(comparison, frames, caught)["cases_dice"]
    assert list(panel.pictures.index) == ["worst", "lower quartile", "median", "upper quartile", "best"]
    assert list(panel.pictures) == ["photograph", "truth", "stl", "joint"]
    numbers = [path.name.split("_")[0] for path in panel.pictures["stl"]]
    assert numbers == ["1", "3", "0", "4", "2"]
    assert panel.numbers["stl"].tolist() == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    assert panel.form.format(0.5) == "dice 0.500"


def test_where_lower_is_better_the_worst_is_the_highest(comparison, frames, caught):
    panel = drawn(comparison, frames, caught)["cases_error"]
    assert list(panel.pictures.index) == ["worst", "lower quartile", "median", "upper quartile", "best"]
    assert panel.numbers["joint"].tolist() == [9, 7, 5, 3, 1]


def test_a_picture_is_of_the_first_training_that_has_it(comparison, frames, caught):
    panel = drawn(comparison, frames, caught)["cases_dice"]
    worst, median = panel.pictures.loc["worst"], panel.pictures.loc["median"]
    assert worst["joint"] == comparison.output_dir / "joint/all/seed1/evaluation/cases/1_prediction.jpg"
    assert worst["stl"] == comparison.output_dir / "stl/all/seed0/disc/evaluation/cases/1_prediction.jpg"
    assert panel.numbers.loc["worst", "joint"] == pytest.approx(0.11)  # of seed 1, as the picture
    assert median["joint"] is None
    assert panel.numbers.loc["median", "joint"] == pytest.approx(0.5)  # of seed 0, without a picture
    assert (
        worst["truth"] == comparison.output_dir / "joint/all/seed1/evaluation/cases/1_truth.jpg"
    )  # the one of all tasks
    assert worst["photograph"].parent == worst["truth"].parent
    assert median["photograph"] == comparison.output_dir / "stl/all/seed0/disc/evaluation/cases/0_photograph.jpg"
    assert median["truth"] is None


def test_a_network_of_another_task_lends_no_picture(comparison, frames, caught):
    panel = drawn(comparison, frames, caught)["cases_error"]
    assert panel.pictures["stl"].isna().all()  # the disc's network has pictures, but not of the fovea
    assert panel.numbers["stl"].tolist() == [9, 7, 5, 3, 1]


def test_nobody_is_named(comparison, frames, caught):
    panels = drawn(comparison, frames, caught)
    assert len(panels) == 2
    for panel in panels.values():
        assert panel.captions is None
        assert not any("doe" in text for text in [*panel.pictures.index, *panel.numbers.index, panel.form])
    assert not any("doe" in drawing.caption for drawing in method_pictures(comparison, frames))
    assert "pictures" not in frames.tables()
    assert not any(str(comparison.output_dir) in table.to_csv() for table in frames.tables().values())


def test_few_cases_and_no_truth(comparison, frames, caught):
    two = frames.cases["id"].isin(["doe_0"])
    few = replace(frames, cases=frames.cases[two], pictures=frames.pictures[two])
    panel = drawn(comparison, few, caught)["cases_dice"]
    assert list(panel.pictures.index) == ["worst,\nlower quartile,\nmedian,\nupper quartile,\nbest"]
    assert list(panel.pictures) == ["photograph", "stl", "joint"]


def test_a_case_without_pictures_is_not_picked(comparison, frames, caught):
    frames.pictures.loc[frames.cases["id"] == "doe_1"] = None
    panel = drawn(comparison, frames, caught)["cases_dice"]
    assert panel.numbers.loc["worst", "stl"] == pytest.approx(0.3)


def test_without_pictures_there_is_no_panel(comparison, frames):
    assert list(method_pictures(comparison, replace(frames, pictures=frames.pictures.iloc[:0]))) == []
    frames.pictures.loc[:] = None
    assert list(method_pictures(comparison, frames)) == []


def test_a_case_that_nobody_measured(comparison, frames, caught):
    frames.cases.loc[frames.cases["method"] == "stl", "dice"] = np.nan  # a method that failed does not count
    panel = drawn(comparison, frames, caught)["cases_dice"]
    assert panel.pictures["stl"].isna().all()
    assert all(isnan(value) for value in panel.numbers["stl"])
    assert panel.numbers["joint"].tolist() == pytest.approx([0.11, 0.31, 0.5, 0.71, 0.91])


def test_which_metrics(comparison):
    cases = pd.DataFrame(columns=["id", "dice", "error", "cup"])
    assert panel_columns(comparison, cases) == {"dice": "higher", "error": "lower"}
    assert panel_columns(replace(comparison, tasks={}), cases) == {"dice": "higher"}
    assert panel_columns(replace(comparison, panel_metrics=("error_mean",)), cases) == {"error": "lower"}
    assert panel_columns(replace(comparison, panel_metrics=("auc",)), cases) == {}
    same = replace(comparison, tasks={"disc": ["dice"], "cup": ["dice"]})
    assert panel_columns(same, cases) == {"dice": "higher"}
    own = replace(comparison, metrics={"error_mean": "lower"}, tasks={})
    assert panel_columns(own, pd.DataFrame(columns=["error", "error_mean"])) == {"error_mean": "lower"}


def test_a_real_panel_of_pictures_of_several_shapes(comparison, frames):
    kept = frames.cases["id"].isin(["doe_1"])
    (dice, _) = method_pictures(comparison, replace(frames, cases=frames.cases[kept], pictures=frames.pictures[kept]))
    assert dice.draw().startswith(b"\x89PNG")


def test_pictures_are_numbered_by_row(tmp_path):
    folder = tmp_path / "evaluation" / "cases"
    folder.mkdir(parents=True)
    for name in ("0_photograph.jpg", "10_truth.jpg", "1_prediction.jpg"):
        (folder / name).touch()
    table = kept_pictures(tmp_path, pd.DataFrame({"id": list("abcdefghijkl")}))
    there = table.map(lambda path: "" if path is None else path.name)
    assert there.iloc[0].tolist() == ["0_photograph.jpg", "", ""]
    assert there.iloc[1].tolist() == ["", "", "1_prediction.jpg"]
    assert there.iloc[10].tolist() == ["", "10_truth.jpg", ""]
    assert len(table) == 12
    assert table.notna().to_numpy().sum() == 3


def test_one_method_may_order_the_cases(comparison, frames, caught):
    """As in Fig. 2 of MT-COOL. Here joint finds doe_0 best and stl the usual one."""
    better = frames.cases["method"].eq("joint") & frames.cases["id"].eq("doe_0")
    frames.cases.loc[better, "dice"] = 1.0
    orders = {}
    for method in ("stl", "joint"):
        caught.clear()
        given = replace(comparison, panel_method=method)
        orders[method] = [path.name[0] for path in drawn(given, frames, caught)["cases_dice"].pictures["stl"]]
        captions = [drawing.caption for drawing in method_pictures(given, frames)]
        assert f"by the mean of dice over the trainings of {method} (higher" in captions[0]
    assert orders == {"stl": ["1", "3", "0", "4", "2"], "joint": ["1", "3", "4", "2", "0"]}
