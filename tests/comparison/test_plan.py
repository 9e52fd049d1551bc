"""The trainings of a comparison, their commands, and what makes two of them the same."""

from __future__ import annotations

import ast
import sys
from dataclasses import replace

import pytest

from fundus_mtl.comparison import Budget, Comparison, Method, Search, plan
from fundus_mtl.comparison._plan import search_training
from fundus_mtl.comparison._training import Place, evaluate_command, train_command

PLACE = Place("sqlite:////x/m.db", "experiment", "abc", "cuda:1")


@pytest.fixture
def tiny(tmp_path):
    return Comparison(
        bundle="digits_mtl",
        methods=(Method("joint", "joint"), Method("mt_cool", "mt_cool", train_options={"lr": 0.2})),
        metrics={"acc_even_percent": "higher"},
        tasks={"even": ["acc_even_percent"], "odd": []},
        seeds=(0, 7),
        options={"hidden": 6},
        train_options={"lr": 0.1, "batch_size": 8},
        evaluate_options={"sections": ["validation"]},
        budget=Budget(epochs=1, minutes=2.5),
        output_dir=tmp_path,
        name="tiny",
    )


def options(command):
    """Read a command as `fire` does: what comes after = is Python."""
    given = dict(part.removeprefix("--").split("=", 1) for part in command if part.startswith("--") and "=" in part)
    return {key: ast.literal_eval(value) for key, value in given.items()}


def test_seeds_go_round_the_methods(tiny, tmp_path):
    trainings = plan(tiny)
    assert [training.name for training in trainings] == [
        "joint seed 0", "mt_cool seed 0", "joint seed 7", "mt_cool seed 7",
    ]  # fmt: skip
    assert trainings[3].folder == tmp_path / "mt_cool" / "all" / "seed7"
    assert plan(replace(tiny, folds=(2,)))[0].folder == tmp_path / "joint" / "fold2" / "seed0"


def test_the_commands(tiny):
    _, training, *_ = plan(tiny)
    command = train_command(training, PLACE, resume=False)
    assert command[:4] == [sys.executable, "-m", "monai.bundle", "run"]
    assert command[5].endswith("digits_mtl/configs/args.yaml")
    given = options(command)
    (overlay,) = given.pop("overlay")
    assert overlay.endswith("methods/mt_cool.yaml")
    assert given == {
        "hidden": 6, "lr": 0.2, "batch_size": 8, "max_epochs": 1, "max_minutes": 2.5, "seed": 0, "method": "mt_cool",
        "tracking_uri": "sqlite:////x/m.db", "device": "$torch.device('cuda:1')", "output_dir": str(training.folder),
        "experiment_name": "experiment", "run_name": "mt_cool seed 0", "mlflow_run::parent_run_id": "abc",
        "+mlflow_run::tags": {"stage": "comparison", "comparison": "tiny"},
    }  # fmt: skip
    assert options(train_command(training, PLACE, resume=True))["resume_from"] == "latest"
    evaluation = evaluate_command(training, replace(PLACE, device=None))
    assert evaluation[5].endswith("args_evaluate.yaml")
    assert options(evaluation) == {  # the method's network goes along, its trainer does not
        "network_module": "@network_split", "hidden": 6, "sections": ["validation"], "seed": 0,
        "tracking_uri": "sqlite:////x/m.db", "output_dir": str(training.folder),
    }  # fmt: skip


def test_the_training_is_to_note_its_datalist(tmp_path):
    refuge = Comparison("refuge_mtl", (Method("joint", "joint"),), {}, output_dir=tmp_path)
    (training,) = plan(refuge)
    (noting,) = options(train_command(training, PLACE, resume=False))["+initialize"]
    assert noting == {
        "_target_": "fundus_mtl.comparison._data_note.note_data", "folder": "@output_dir", "files": ["@datalist"],
    }  # fmt: skip
    assert "+initialize" not in options(evaluate_command(training, PLACE))


def test_folds_and_chosen_values(tiny):
    training = plan(replace(tiny, folds=(3,)))[0].with_chosen({"lr": 0.5})
    given = options(train_command(training, PLACE, resume=False))
    assert (given["fold"], given["lr"]) == (3, 0.5)
    assert given["+mlflow_run::params"] == {"chosen": {"lr": 0.5}}
    assert given["+mlflow_run::tags"]["fold"] == "3"
    assert options(evaluate_command(training, PLACE))["fold"] == 3
    assert "lr" not in options(evaluate_command(training, PLACE))


def test_the_evaluation_is_told_what_a_search_chose_if_it_knows_it(tiny):
    training = plan(tiny)[0].with_chosen({"hidden": 9, "network_def::width": 3, "lr": 0.5})
    given = options(evaluate_command(training, PLACE))
    assert (given["hidden"], given["network_def::width"]) == (9, 3)
    assert "lr" not in given


def test_one_network_per_task(tiny):
    comparison = replace(
        tiny, methods=(Method("stl", "joint"), Method("joint", "joint")), single_task="stl", seeds=(0,)
    )
    even, odd, joint = plan(comparison)
    assert [training.name for training in (even, odd, joint)] == ["stl even seed 0", "stl odd seed 0", "joint seed 0"]
    assert options(train_command(odd, PLACE, resume=False))["task_names"] == ["odd"]
    assert options(evaluate_command(odd, PLACE))["task_names"] == ["odd"]
    assert "task_names" not in options(train_command(joint, PLACE, resume=False))
    assert odd.folder.parts[-3:] == ("all", "seed0", "odd")


def test_overlays_come_before_the_methods(tmp_path):
    overlays = {"overlay": ("narrow.yaml",), "train_overlay": ("adam.yaml",)}
    hrf = Comparison("hrf_av_mtl", (Method("mamg", "mamg"),), {}, output_dir=tmp_path, **overlays)
    (training,) = plan(hrf)
    assert [path.name for path in training.train_overlays] == ["narrow.yaml", "adam.yaml", "mamg.yaml"]
    assert [path.name for path in training.evaluate_overlays] == ["narrow.yaml"]


@pytest.mark.parametrize(
    "change, telling",
    [
        ({"bundle": "digits"}, "expected a path or one of digits_mtl, hrf_av_mtl"),
        ({"methods": (Method("pcgra", "pcgra"),)}, "got pcgra; did you mean pcgrad"),
        ({"overlay": ("robst.yaml",)}, "expected a file of the bundle digits_mtl, but got robst.yaml"),
    ],
)
def test_files_that_are_nowhere(tiny, change, telling):
    with pytest.raises(FileNotFoundError, match=telling):
        plan(replace(tiny, **change))


def test_a_bundle_and_a_method_of_ones_own(tiny, tmp_path):
    configs = tmp_path / "mine" / "configs"
    configs.mkdir(parents=True)
    (configs / "args.yaml").write_text("config_file: [train.yaml]")
    (configs / "args_evaluate.yaml").write_text("config_file: evaluate.yaml")
    (configs / "evaluate.yaml").write_text("network: 1")
    (tmp_path / "own.yaml").write_text("network: 2\ntrainer: 3")
    comparison = replace(tiny, bundle="mine", methods=(Method("own", "own.yaml"),), folder=tmp_path)
    training = plan(comparison)[0]
    assert training.train_overlays == (tmp_path / "own.yaml",)
    assert training.evaluate_options["network"] == 2
    assert "trainer" not in training.evaluate_options


def test_the_digest_knows_settings_and_overlays_but_not_the_place(tiny, tmp_path):
    before = plan(tiny)[0]
    assert (
        plan(replace(tiny, output_dir=tmp_path / "other", workers=2, devices=("cpu",), name="x"))[0].digest
        == before.digest
    )
    digests = {plan(replace(tiny, **change))[0].digest for change in (
        {}, {"options": {"hidden": 7}}, {"train_options": {}}, {"evaluate_options": {}}, {"budget": Budget()},
        {"seeds": (1,)}, {"folds": (0,)}, {"methods": (Method("joint", "mgda"),)}, {"methods": (Method("other", "joint"),)},
    )}  # fmt: skip
    assert len(digests) == 9
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("lr: 1.0")
    first = plan(replace(tiny, overlay=("mine.yaml",), folder=tmp_path))[0].digest
    overlay.write_text("lr: 2.0")
    assert plan(replace(tiny, overlay=("mine.yaml",), folder=tmp_path))[0].digest != first


def test_a_trial_of_a_search(tiny, tmp_path):
    comparison = replace(tiny, search=Search(2, {"lr": {"low": 0.1, "high": 1.0}}, epochs=4))
    training = search_training(comparison, comparison.methods[0], {"lr": 0.3}, tmp_path / "abc")
    given = options(train_command(training, PLACE, resume=False))
    assert (given["lr"], given["max_epochs"], given["batch_size"]) == (0.3, 4, 8)
    assert given["+mlflow_run::tags"]["stage"] == "search"
    assert training.evaluate_args is None
    assert training.folder == tmp_path / "abc"
