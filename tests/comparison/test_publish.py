"""What leaves for MLflow and what stays, files of figures, figures that fail, and what a reader is told."""

from __future__ import annotations

import base64
import logging
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest

from fundus_mtl.comparison import Comparison, Method, _publish, _run_comparison, plan
from fundus_mtl.comparison._do_training import Outcome
from fundus_mtl.comparison._planned_figure import DrawnFigure, PlannedFigure, draw_figures
from fundus_mtl.comparison._publish import publish, write_figures
from fundus_mtl.comparison._remarks import remarks_of
from fundus_mtl.comparison._result_frames import ResultFrames

PNG = b"\x89PNG\r\n\x1a\n" + bytes(30)
CURVES, CASES = PNG + b"curves", PNG + b"cases"


class Store:
    """Stands for `ComparisonRun`: keeps what it is given, as it is at that moment."""

    def __init__(self):
        self.sent, self.metrics, self.run_id = {}, {}, "run"

    def of_folder(self, folder):
        return None

    def log(self, files, metrics, tags):
        self.sent |= {name: path.read_bytes() for name, path in files.items()}
        self.metrics |= metrics


@pytest.fixture
def comparison(tmp_path):
    return Comparison(
        bundle="digits_mtl", methods=(Method("joint", "joint"),), metrics={"dice": "higher"}, output_dir=tmp_path
    )


@pytest.fixture
def frames():
    row = {"method": "joint", "fold": None, "network": "", "dice": 0.5, "status": "finished", "reason": ""}
    row |= {"data_sha256": "", "training_seconds": 1.0}
    nothing = {name: pd.DataFrame() for name in ("curves", "cases", "balance", "layers", "trials", "pictures")}
    return ResultFrames(trainings=pd.DataFrame([row | {"seed": seed} for seed in (0, 1)]), **nothing)


@pytest.fixture
def figures(monkeypatch):
    """Two figures, of which one shows photographs."""
    drawn = [
        DrawnFigure("learning_curves_losses", "Losses. x", CURVES),
        DrawnFigure("cases_dice", "Cases. y", CASES, True),
    ]
    monkeypatch.setattr(_publish, "all_figures", lambda *_: drawn)
    return drawn


def inside(picture):
    return base64.b64encode(picture).decode()


def test_photographs_stay_here(comparison, frames, figures):
    store = Store()
    files = publish(comparison, frames, "<p>table</p>", store)
    assert set(files) == {"comparison.html", "figures/learning_curves_losses.png", "figures/cases_dice.png"}
    assert files["figures/cases_dice.png"].read_bytes() == CASES
    here, there = files["comparison.html"].read_text(), store.sent["comparison.html"].decode()
    assert set(store.sent) == {"comparison.html", "figures/learning_curves_losses.png"}
    assert inside(CURVES) in here
    assert inside(CASES) in here
    assert inside(CURVES) in there
    assert inside(CASES) not in there
    assert "shows photographs, which were not sent" in there
    assert "shows photographs" not in here


def test_photographs_leave_if_that_is_wanted(comparison, frames, figures):
    store = Store()
    files = publish(replace(comparison, log_cases=True), frames, "<p>table</p>", store)
    assert store.sent == {name: path.read_bytes() for name, path in files.items()}
    assert inside(CASES) in store.sent["comparison.html"].decode()


def test_files_of_an_earlier_call_are_removed(tmp_path):
    folder = tmp_path / "figures"
    first = [DrawnFigure("roc_a/b c", "", PNG), DrawnFigure("balance", "", PNG)]
    assert set(write_figures(folder, first)) == {"figures/roc_a_b_c.png", "figures/balance.png"}
    (folder / "notes.txt").touch()
    assert set(write_figures(folder, [DrawnFigure("balance", "", CURVES), DrawnFigure("roc", "", "no")])) == {
        "figures/balance.png"
    }
    assert {path.name for path in folder.iterdir()} == {"balance.png", "notes.txt"}
    assert (folder / "balance.png").read_bytes() == CURVES
    assert write_figures(tmp_path / "none", []) == {}


def test_a_figure_that_fails_costs_no_other(caplog):
    def fail():
        raise ValueError("doe_john.jpg is broken")

    def listed():
        yield PlannedFigure("first", "First.", lambda: PNG)
        yield PlannedFigure("broken", "Broken. Really.", fail)
        yield PlannedFigure("nothing", "Nothing.", lambda: None)
        yield PlannedFigure("last", "Last.", lambda: PNG, of_cases=True)

    def unlisted():
        yield PlannedFigure("never", "Never.", lambda: PNG)
        raise KeyError("doe_john")

    with caplog.at_level(logging.WARNING):
        figures = draw_figures({"ROC curves": unlisted, "A": listed})
    failed = "could not be drawn: "
    assert figures == [
        DrawnFigure("roc_curves", "ROC curves.", f"{failed}KeyError"),
        DrawnFigure("first", "First.", PNG),
        DrawnFigure("broken", "Broken. Really.", f"{failed}ValueError"),
        DrawnFigure("last", "Last.", PNG, True),
    ]
    assert [record.message for record in caplog.records] == [
        f"figure ROC curves {failed}KeyError", f"figure broken {failed}ValueError",
    ]  # fmt: skip
    with pytest.raises(KeyboardInterrupt):  # Ctrl-C is no figure that fails
        draw_figures({"A": lambda: [PlannedFigure("x", "", lambda: (_ for _ in ()).throw(KeyboardInterrupt()))]})


def test_the_page_says_what_failed_and_how_to_read_it(comparison, frames, monkeypatch):
    broken = DrawnFigure("balance", "Balance <b>.", "could not be drawn: ValueError", of_cases=False)
    monkeypatch.setattr(_publish, "all_figures", lambda *_: [broken])
    frames.trainings.loc[1, ["status", "dice"]] = ["failed", float("nan")]
    comparison = replace(comparison, note="Made <up>.", workers=3, seeds=(0, 1))
    text = publish(comparison, frames, "<p>table</p>", Store())["comparison.html"].read_text()
    for said in (
        "could not be drawn: ValueError",
        "Balance &lt;b&gt;",
        "<li>Made &lt;up&gt;.</li>",
        "<li>1 of 2 trainings failed; the reasons are in failures.csv.</li>",
        "seeds x folds (2 x 1)",
        "3 trainings at a time on one machine",
    ):
        assert said in text, said
    assert text.index("Made &lt;up") < text.index("<p>table</p>") < text.index("seeds x folds")


@pytest.mark.parametrize(
    ("folds", "seeds", "said"),
    [
        (
            (0, 1, 2),
            (0,),
            "(1 x 3): a pair is two methods with the same seed and fold; the folds' trainings share photo",
        ),
        ((None,), (0, 1), "(2 x 1): a pair is two methods with the same seed and fold; all trainings share one split"),
        ((None,), (0,), "One training per method: no test is possible."),
    ],
)
def test_what_the_tests_cannot_say(comparison, frames, folds, seeds, said):
    _, (tests, costs) = remarks_of(replace(comparison, folds=folds, seeds=seeds), frames.trainings)
    assert said in tests
    assert ("Nadeau and Bengio" in tests) == (len(folds) + len(seeds) > 2)
    assert "wall clock, one training at a time" in costs


def test_tables_are_logged_before_anything_is_drawn(comparison, frames, monkeypatch):
    monkeypatch.setattr(_run_comparison, "collect", lambda *_: frames)

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(_run_comparison, "publish", fail)
    store = Store()
    work = _run_comparison._Work(comparison, store, None)
    with pytest.raises(MemoryError):
        work._sum_up(plan(comparison), [Outcome("finished")], SimpleNamespace(trials=list))
    assert {"comparison.md", "comparison.csv", "comparison.tex", "trainings.csv"} <= set(store.sent)
    assert store.metrics["joint/dice"] == 0.5
    assert "(1 x 1)" not in store.sent["comparison.md"].decode()
    assert "- One training per method" in store.sent["comparison.md"].decode()
