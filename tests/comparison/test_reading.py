"""What a comparison's file may say, and the sentence where it may not."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from fundus_mtl.comparison import Budget, Method, plan, read_comparison

BUNDLES = Path(__file__).resolve().parents[2] / "bundles"
LEAST = {"bundle": "digits_mtl", "methods": ["joint"], "metrics": {"acc_even_percent": "higher"}}


@pytest.fixture
def read(tmp_path):
    def read(changes=None, **given):
        path = tmp_path / "tiny.yaml"
        path.write_text(yaml.safe_dump(LEAST | given))
        return read_comparison(path, changes)

    return read


def test_the_least(read):
    comparison = read()
    assert comparison.methods == (Method("joint", overlay="joint"),)
    assert comparison.baseline == "joint"
    assert (comparison.folds, comparison.seeds, comparison.workers) == ((None,), (0,), 1)
    assert (comparison.panel_metrics, comparison.log_cases) == ((), False)
    assert comparison.output_dir.is_absolute()
    assert comparison.tracking_uri == f"sqlite:///{comparison.output_dir}/mlflow.db"


def test_everything_and_changes(read):
    comparison = read(
        {"options.hidden": 6, "seeds": [0, 1], "budget": {"minutes": 0.5}},
        methods=["joint", {"name": "wide", "overlay": "joint", "options": {"hidden": 50}, "task_names": ["even"]}],
        options={"dataset_dir": None},
        folds=[None, 0],
        output_dir="a b",
        panel_metrics="acc_even_percent",
        log_cases=True,
        budget={"epochs": 3},
    )
    assert comparison.options == {"dataset_dir": None, "hidden": 6}
    assert comparison.methods[1].task_names == ("even",)
    assert (comparison.folds, comparison.seeds) == ((None, 0), (0, 1))
    assert comparison.budget == Budget(minutes=0.5)
    assert (comparison.panel_metrics, comparison.log_cases) == (("acc_even_percent",), True)
    assert comparison.tracking_uri.endswith("a%20b/mlflow.db")


SEARCH = {"trials": 2, "space": {"lr": {"low": 0.1, "high": 1.0}}}


@pytest.mark.parametrize(
    "given, telling",
    [
        ({"workerz": 2}, "expected known keys, but got workerz; did you mean workers"),
        ({"methods": []}, "expected methods, but got none"),
        ({"metrics": {"acc": "up"}}, "expected one of higher, lower, but got up"),
        ({"metrics": ["acc"]}, "metrics: expected a dictionary"),
        ({"methods": [{"name": "a b"}]}, "expected a name of letters"),
        ({"methods": [{"name": "../up"}]}, "expected a name of letters"),
        ({"methods": [{"overlay": "joint"}]}, "expected a name of letters"),
        ({"methods": [{"name": "a", "option": {}}]}, "got option; did you mean options"),
        ({"methods": ["joint", "joint"]}, "got joint several times"),
        ({"baseline": "pcgrad"}, "baseline: expected one of joint, but got pcgrad"),
        ({"single_task": "stl"}, "single_task: expected one of joint"),
        ({"single_task": "joint"}, "expected tasks beside single_task"),
        ({"tasks": {"even": ["acc_odd"]}}, "tasks: expected one of acc_even_percent"),
        ({"panel_metrics": ["dice"]}, "panel_metrics: expected one of acc_even_percent, but got dice"),
        ({"test_against": "mgda"}, "test_against: expected one of joint, but got mgda"),
        ({"log_cases": "yes"}, "log_cases: expected true or false, but got 'yes'"),
        ({"workers": 0}, "workers: expected a positive number, but got 0"),
        ({"workers": True}, "workers: expected a positive number"),
        ({"budget": {"epochs": 1.5}}, "epochs: expected a positive number"),
        ({"budget": {"hours": 1}}, "got hours; take one of epochs, minutes"),
        ({"seeds": ["a"]}, "seeds: expected whole numbers"),
        ({"seeds": []}, "seeds: expected whole numbers"),
        ({"seeds": [None]}, "seeds: expected whole numbers"),
        ({"seeds": list(range(1001))}, "seeds: expected at most 1000 numbers, but got 1001"),
        ({"seeds": [0, 0]}, "seeds: expected every number once, but got 0 several times"),
        ({"seeds": [10**30]}, "seeds: expected whole numbers from 0 to 4294967295"),
        ({"seeds": [-1]}, "seeds: expected whole numbers from 0"),
        ({"folds": [None, None]}, "folds: expected every number once, but got None several times"),
        ({"folds": [10**9]}, "folds: expected whole numbers from 0 to 1000"),
        ({"workers": 10**9}, "workers: expected at most 1000, but got 1000000000"),
        ({"budget": {"minutes": float("inf")}}, "minutes: expected a positive number, but got inf"),
        ({"budget": {"minutes": float("nan")}}, "minutes: expected a positive number, but got nan"),
        ({"output_dir": 7}, "output_dir: expected a text, but got 7; write it in quotes"),
        ({"bundle": ["digits_mtl"]}, r"bundle: expected a text, but got \['digits_mtl'\]"),
        ({"experiment_name": 12}, "experiment_name: expected a text, but got 12"),
        ({"tracking_uri": 7}, "tracking_uri: expected a text, but got 7"),
        ({"devices": [7]}, "devices: expected texts, but got 7"),
        ({"overlay": [None]}, "overlay: expected texts, but got None"),
        ({"tasks": {"even": 7}}, "tasks: even: expected a list of metrics, but got 7"),
        ({"search": SEARCH | {"trials": 10**12}}, "expected trials, 1 to 1000, but got 1000000000000"),
        ({"search": {"trials": 2}}, "expected a space"),
        ({"search": SEARCH | {"trials": 0}}, "expected trials, 1 to 1000"),
        ({"search": SEARCH | {"space": {"lr": {"low": 1}}}}, "lr: expected low and high, or choices"),
        ({"search": SEARCH | {"methods": ["mgda"]}}, "search: methods: expected one of joint, but got mgda"),
        ({"search": SEARCH | {"direction": "up"}}, "expected one of higher, lower, but got up"),
    ],
)
def test_refused_in_a_sentence(read, given, telling):
    with pytest.raises(ValueError, match=telling):
        read(**given)


def test_refused_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.yaml, which does not exist"):
        read_comparison(tmp_path / "nowhere.yaml")
    (tmp_path / "broken.yaml").write_text("a: [")
    with pytest.raises(ValueError, match=r"broken.yaml: expected a comparison in YAML, but got other text at line 1"):
        read_comparison(tmp_path / "broken.yaml")
    (tmp_path / "notes.md").write_text("# Notes\n\nfirst: a\nsecond line - 'x\n")
    with pytest.raises(
        ValueError, match=r"^notes.md: expected a comparison in YAML, but got other text at line \d; see"
    ):
        read_comparison(tmp_path / "notes.md")
    (tmp_path / "list.yaml").write_text("- a")
    with pytest.raises(ValueError, match=r"expected a dictionary with keys such as bundle"):
        read_comparison(tmp_path / "list.yaml")


def test_a_part_of_what_is_no_dictionary(read):
    with pytest.raises(ValueError, match="--set seeds.a: expected seeds to be a dictionary"):
        read({"seeds.a": 1}, seeds=[0])


@pytest.mark.parametrize("path", sorted(BUNDLES.glob("*/configs/compare*.yaml")), ids=lambda path: path.stem)
def test_the_bundles_own_comparisons_can_be_planned(path):
    comparison = read_comparison(path)
    trainings = plan(comparison)
    networks = (
        len(comparison.methods) - 1 + len(comparison.tasks) if comparison.single_task else len(comparison.methods)
    )
    assert len(trainings) == len(comparison.folds) * len(comparison.seeds) * networks
    assert len({training.folder for training in trainings}) == len({training.digest for training in trainings})
    assert len({training.folder for training in trainings}) == len(trainings)
