"""What the published table and figure are based on: the comparison's trainings, and the split of a network into shares."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from fundus_mtl.comparison import plan, read_comparison
from fundus_mtl.networks import LeNet, SplitLeNet
from fundus_mtl.tasks import Task

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import mt_cool_flatness as flatness  # noqa: E402  # a script, not a package
from _flatness_report import SHOWN, TASKS  # noqa: E402

TRAINER = "train::trainer::"
QUIET = {f"{TRAINER}samples": 1, f"{TRAINER}kl_weight": 0.0, f"{TRAINER}warmup_iterations": 1000}
# Column "chosen" of docs/mt_cool_table1.md: overlay, and what differs from a rate of 0.2 and batches of 128.
CHOSEN = {
    "independent": ("joint", {"batch_size": 32}),
    "joint": ("joint", {"batch_size": 64}),
    "cagrad": ("cagrad", {f"{TRAINER}aggregator::c": 0.4, "batch_size": 64}),
    "graddrop": ("graddrop", {"momentum": 0.5}),
    "mgda": ("mgda", {"momentum": 0.5}),
    "pcgrad": ("pcgrad", {"batch_size": 64}),
    "mt_cool_vanilla": ("mt_cool", {**QUIET, f"{TRAINER}bound": None}),
    "mt_cool_without_reg": ("mt_cool", {**QUIET, f"{TRAINER}bound": 0.02}),
    "mt_cool_mean": (
        "mt_cool", {f"{TRAINER}samples": 2, f"{TRAINER}kl_reference": "mean", f"{TRAINER}bound": 0.05},
    ),
    "mt_cool_clean": (
        "mt_cool", {f"{TRAINER}samples": 1, f"{TRAINER}kl_reference": "clean", f"{TRAINER}bound": 0.02},
    ),
}  # fmt: skip
FINAL = {
    "dataset_dir": "data/digits",
    "amp": "float32",
    "max_epochs": 6,
    "training_sections": ["training", "validation"],
    "validation_sections": ["spare"],
    "batch_size": 128,
    "lr": 0.2,
    "lr_each_epoch": False,
    "lr_scheduler": {
        "_target_": "torch.optim.lr_scheduler.CosineAnnealingLR",
        "optimizer": "@optimizer",
        "T_max": "$@max_epochs * len(@train::dataloader)",
    },
}


def test_the_comparison_is_table_1():
    """Ten methods, five seeds, two networks for the first: 55 trainings with the settings that the document lists."""
    comparison = read_comparison(ROOT / "bundles" / "digits_mtl" / "configs" / "compare_table1.yaml")
    assert (comparison.baseline, comparison.single_task, comparison.test_against) == ("joint", "independent", "joint")
    expected = {}
    for method, (overlay, changes) in CHOSEN.items():
        for seed in range(5):
            networks = [(task,) for task in TASKS] if method == "independent" else [None]
            for tasks in networks:
                expected[method, seed, tasks] = (overlay, FINAL | changes)
    found = {}
    for training in plan(comparison):
        options = dict(training.train_options)
        tasks = options.pop("task_names", None)
        key = training.method, training.seed, None if tasks is None else tuple(tasks)
        found[key] = (training.train_overlays[-1].stem, options)
        assert training.evaluate_options["dataset_dir"] == "data/digits"
    assert len(found) == 55
    assert found == expected


def networks():
    torch.manual_seed(0)
    tasks = [Task(name, 5, "classification", torch.nn.CrossEntropyLoss(), "softmax") for name in TASKS]
    return LeNet(tasks), SplitLeNet(tasks)


def batch():
    """Six images, labelled for the two tasks in turn."""
    made = {"image": torch.rand(6, 1, 28, 28)}
    for place, name in enumerate(TASKS):
        made[name] = torch.eye(5)[torch.arange(6) % 5]
        made[f"{name}_present"] = torch.arange(6) % 2 == place
    return made


def test_a_network_split_into_shares_computes_the_same():
    plain, split = networks()
    split.load_state_dict(flatness.shares_of(plain.state_dict(), split))
    image = torch.rand(3, 1, 28, 28)
    for name in TASKS:
        torch.testing.assert_close(split(image)[name], plain(image)[name])


def test_losses_are_those_of_the_noisy_networks_and_the_weights_come_back():
    _, network = networks()
    given = batch()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    found = flatness.losses(network, given, [0.0, 0.5, 3.0], draws=4)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    clean = network(given["image"])["even"][given["even_present"]]
    expected = torch.nn.functional.cross_entropy(clean, given["even"][given["even_present"]].argmax(dim=1))
    assert found["even"][0] == pytest.approx(expected.item())
    assert found["even"][2] > found["even"][0]


def test_accuracy_counts_the_labelled_digits_only():
    class Constant:
        """Answers class 0, whatever the image; images 0 and 5 are class 0, the first of them labelled even."""

        def __call__(self, image):
            return {name: torch.eye(5)[torch.zeros(len(image), dtype=int)] for name in TASKS}

    assert flatness.accuracy(Constant(), batch()) == pytest.approx({"even": 100 / 3, "odd": 100 / 3})


def test_trainings_are_read_from_the_comparison(tmp_path):
    rows = [
        {
            "method": method,
            "seed": seed,
            "status": "failed" if seed == 2 else "finished",
            "acc_even_percent": 90.0 + seed,
        }
        for method in SHOWN
        for seed in range(3)
    ]
    pd.DataFrame(rows).assign(acc_odd_percent=80.0).to_csv(tmp_path / "trainings.csv", index=False)
    found = flatness.trained(tmp_path)
    assert list(found) == list(SHOWN)
    folders = [tmp_path / "joint" / "all" / f"seed{seed}" for seed in (0, 1)]
    assert found["joint"] == {folders[0]: {"even": 90, "odd": 80}, folders[1]: {"even": 91, "odd": 80}}
    folders[0].mkdir(parents=True)
    for bound in (0.05, None):
        settings = {"training": {"train_options": {f"{TRAINER}bound": bound}}}
        (folders[0] / "settings.json").write_text(json.dumps(settings))
        assert flatness.bound_of(folders[0]) == bound


def test_a_figure_without_a_table_says_what_to_do(tmp_path):
    with pytest.raises(SystemExit, match="got no such file; run fundus-mtl compare first"):
        flatness.trained(tmp_path)
