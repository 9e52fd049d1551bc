"""The comparisons of the papers' tables: all can be planned, and those without a test of their own train on tiny data."""

from __future__ import annotations

import pandas as pd
import pytest
import yaml
from monai.utils import path_to_sqlite_uri

from fundus_mtl.cli import main
from fundus_mtl.comparison import _run_comparison, plan, read_comparison
from fundus_mtl.tracking import close_client, open_client
from tests.bundles.conftest import BUNDLES, DATA
from tests.comparison.in_process import InProcess

CONFIGS = sorted(BUNDLES.glob("*/configs/compare*.yaml"))
OPEN = {"train_options.train_sampler": None, "options.task_names": ["disc", "fovea", "glaucoma"]}
OPEN |= {"options.size": 32, "tasks": {}, "single_task": None}
PLAIN = {"options.network_def::width": 2, "options.size": 32}
# Per config: the methods to train, and what makes them tiny.
TRAINED = {
    "refuge_disc_mtl/compare_table2": (
        ["independent", "mt_cool_clean"],
        {"options.crop": 48, "options.size": 32, "options.network_def::width": 4},
    ),
    "hrf_av_mtl/compare_table3": (["cagrad"], {"options.patch": 32, "options.network_def::width": 4}),
    "refuge_mtl/compare_table2": (["gradnorm", "res34_unet"], PLAIN | {"folds": [1]}),
    "refuge_mtl/compare_table4": (["mtl_io"], PLAIN),
    "refuge_mtl/compare_architectures": (["cross_stitch-mao", "mtan-mtl_io"], OPEN | {"options.unet::width": 4}),
    "refuge_mtl/compare_encoders": (["wide_resnet-mamg"], OPEN | {"options.resnet::width": 2}),
    "refuge_mtl/compare_balance": (["gradnorm", "mao"], OPEN | {"options.unet::width": 4}),
    "digits_mtl/compare_wide_resnet": (
        ["mamg"],
        {
            "options.dataset_dir": None,
            "options.resnet::width": 2,
            "train_options.train::dataloader::sampler": {
                "_target_": "torch.utils.data.RandomSampler",
                "data_source": "@train::dataset",
                "num_samples": 16,
            },
        },
    ),
}


def name(path):
    return f"{path.parents[1].name}/{path.stem}"


@pytest.mark.parametrize("path", CONFIGS, ids=name)
def test_every_comparison_can_be_planned(path):
    comparison = read_comparison(path)
    trainings = plan(comparison)
    assert {training.method for training in trainings} == {method.name for method in comparison.methods}
    assert len(trainings) >= len(comparison.methods) * len(comparison.seeds) * len(comparison.folds)
    for training in trainings:
        assert all(overlay.is_file() for overlay in (*training.train_overlays, *training.evaluate_overlays))


def test_the_tables_have_the_papers_rows():
    rows = {config: [m.name for m in read_comparison(path).methods] for path in CONFIGS for config in [name(path)]}
    cool = ["independent", "joint", "cagrad", "graddrop", "mgda", "pcgrad", "mt_cool_clean", "mt_cool_mean"]
    assert rows["refuge_disc_mtl/compare_table2"] == rows["hrf_av_mtl/compare_table3"] == cool
    assert rows["refuge_mtl/compare_table2"] == ["single_task", "joint", "gradnorm", "pcgrad", "mtl_io", "res34_unet"]
    assert rows["refuge_mtl/compare_table4"] == ["single_task", "mtl_io"]
    methods = [m for m in rows["refuge_mtl/compare_architectures"] if m != "single_task"]
    assert methods == [
        f"{a}-{m}" for a in ("unet", "cross_stitch", "mtan") for m in ("joint", "pcgrad", "mamg", "mao", "mtl_io")
    ]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """One MLflow store for all: making one takes seconds."""
    uri = path_to_sqlite_uri(tmp_path_factory.mktemp("store") / "mlflow.db")
    client = open_client(uri)
    yield uri
    close_client(client)


def shortened(path, methods, changes):
    """Return the content of a config with some of its methods, without files of pretrained weights."""
    content = yaml.safe_load(path.read_text())
    content["methods"] = [m for m in content["methods"] if (m if isinstance(m, str) else m["name"]) in methods]
    first = content["methods"][0]
    content |= {"baseline": first if isinstance(first, str) else first["name"], "test_against": None}
    content["single_task"] = content.get("single_task") if content.get("single_task") in methods else None
    content["panel_method"] = content.get("panel_method") if content.get("panel_method") in methods else None
    for entry in (content, *(m for m in content["methods"] if isinstance(m, dict))):
        entry.get("train_options", {}).pop("network_def::pretrained", None)
    for key, value in changes.items():
        part, _, item = key.partition(".")
        if item:
            content.setdefault(part, {})[item] = value
        else:
            content[part] = value
    return content


@pytest.mark.parametrize("config", TRAINED)
def test_a_comparison_trains_and_is_evaluated(config, store, request, tmp_path, monkeypatch):
    methods, tiny = TRAINED[config]
    bundle, file = config.split("/")
    data = request.getfixturevalue(DATA[bundle])
    changes = {"options.dataset_dir": str(data), "output_dir": str(tmp_path / "out"), "tracking_uri": store}
    changes |= {"devices": ["cpu"], "workers": 1, "seeds": [0], "budget": {"epochs": 1}, "train_options.batch_size": 4}
    if "options.task_names" in tiny:
        changes["options.datalist"] = str(data / "datalist_official.json")
    content = shortened(BUNDLES / bundle / "configs" / f"{file}.yaml", methods, changes | tiny)
    (tmp_path / "short.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    monkeypatch.setattr(_run_comparison, "ChildProcesses", InProcess)
    assert main(["compare", str(tmp_path / "short.yaml")]) == 0
    rows = pd.read_csv(tmp_path / "out" / "trainings.csv", keep_default_na=False)
    assert set(rows["method"]) == set(methods)
    assert (rows["status"] == "finished").all()
    assert rows[[metric for metric in content["metrics"] if metric in rows]].ne("").any(axis=None)
