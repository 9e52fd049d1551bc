"""The overlay with the choices of MTL-IO's code, trained and evaluated on phantoms."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image

from fundus_mtl.data import read_datalist
from fundus_mtl.metrics import column_ratio
from tests.bundles.conftest import BUNDLES, run, workflow
from tests.bundles.test_bundles import TINY, options

OFFICIAL = BUNDLES / "refuge_mtl" / "configs" / "overlays" / "official_mtl_io.yaml"
MTL_IO = BUNDLES / "methods" / "mtl_io.yaml"


@pytest.fixture(scope="module")
def trained(refuge_data, tmp_path_factory):
    """Output folder and workflow of a training."""
    out = tmp_path_factory.mktemp("official")
    return out, run("refuge_mtl", "train", OFFICIAL, MTL_IO, **TINY, **options(refuge_data, out))


def test_the_training_is_the_papers(trained):
    _, made = trained
    parsed = made.parser.get_parsed_content
    assert [task.name for task in parsed("tasks")] == ["glaucoma", "disc", "cup", "fovea"]
    network, trainer = parsed("network"), parsed("train::trainer")
    assert not any("running" in name for name in network.state_dict())
    assert parsed("validate::dataloader").batch_size == 1
    assert trainer.amp is False
    assert network.heads["glaucoma"].dropout.p == 0.8
    assert [type(each).__name__ for each in trainer.optimizer.optimizers.values()] == ["Adam"] * 4


def test_the_initial_weights_are_torchs(refuge_data, tmp_path):
    """Kaiming uniform of a = sqrt(5): at most 1 / sqrt(inputs), with biases; ours are larger and without."""
    made = workflow("refuge_mtl", "train", OFFICIAL, tracking_uri=None, **options(refuge_data, tmp_path))
    for layer in made.parser.get_parsed_content("network_def").encoder.modules():
        if isinstance(layer, torch.nn.Conv2d):
            limit = layer.weight[0].numel() ** -0.5
            assert layer.weight.abs().max() <= limit
            assert 0 < layer.bias.abs().max() <= limit


def test_photographs_are_resized_by_pillow(refuge_data, tmp_path):
    made = workflow("refuge_mtl", "train", OFFICIAL, tracking_uri=None, **options(refuge_data, tmp_path))
    item = made.parser.get_parsed_content("validate::dataset").data[0]
    found = made.parser.get_parsed_content("validate::preprocessing")(item)
    with Image.open(item["image"]) as file:
        expected = np.asarray(file.convert("RGB").resize((32, 32), Image.Resampling.BILINEAR), dtype=np.float32)
    np.testing.assert_allclose(found["image"].numpy(), np.moveaxis(expected, -1, 0) / 255, atol=1e-6)


def test_the_regression_is_fitted_on_column_sums_at_the_size_of_the_network(trained, refuge_data):
    from sklearn.linear_model import LogisticRegression

    out, made = trained
    read = made.parser.get_parsed_content("mask_reader")
    items = read_datalist(refuge_data / "datalist_official.json", "training", tasks=["disc", "cup", "glaucoma"])
    ratios = [[column_ratio(*(np.asarray(read(item[key]))[0] for key in ("disc", "cup")), size=32)] for item in items]
    oracle = LogisticRegression(C=1.0, random_state=0).fit(ratios, [item["glaucoma"] for item in items])
    found = json.loads((out / "models" / "vcdr_regression.json").read_text())
    assert found["coefficient"] == pytest.approx(oracle.coef_[0, 0], rel=1e-6)
    assert found["intercept"] == pytest.approx(oracle.intercept_[0], rel=1e-6)


def test_the_evaluation_is_on_the_grid_of_the_network(trained, refuge_data):
    """Oracle: the network run on one photograph, and the formulas of the code written again."""
    out, _ = trained
    made = run("refuge_mtl", "evaluate", OFFICIAL, tracking_uri=None, **options(refuge_data, out))
    parsed = made.parser.get_parsed_content
    with (out / "evaluation" / "per_case.csv").open(newline="") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert sorted(rows) == ["T0001", "T0002", "T0003", "T0004"]
    items = {item["id"]: item for item in read_datalist(refuge_data / "datalist_official.json", "testing")}
    network = parsed("network").eval()
    for name, row in rows.items():
        sample = parsed("preprocessing")(items[name])
        with torch.no_grad():
            logits = network(sample["image"].as_tensor()[None])
        disc, cup, fovea = (logits[key][0, 0].sigmoid().numpy() for key in ("disc", "cup", "fovea"))
        ratio = cup.sum(axis=0).max() / (disc.sum(axis=0).max() + 1e-7)
        assert float(row["vcdr_pred"]) == pytest.approx(ratio, rel=1e-4)
        linear = float(parsed("regression").predict(ratio))
        score = float(logits["glaucoma"].sigmoid())
        assert float(row["glaucoma_prob"]) == pytest.approx((score + linear) / 2, abs=1e-5)
        height, width = np.mgrid[:32, :32]
        point = [float((fovea * axis).sum() / fovea.sum()) for axis in (width, height)]
        native = np.asarray(items[name]["fovea"], dtype=float)
        with Image.open(items[name]["image"]) as photograph:
            true = (native + 0.5) * 32 / np.asarray(photograph.size) - 0.5
        assert float(row["fovea_error_px256"]) == pytest.approx(float(np.hypot(*(point - true))), abs=0.02)
    summary = (out / "evaluation" / "summary.csv").read_text()
    assert {"auc", "disc_dice", "cup_dice", "vcdr_mae", "fovea_error_px256_mean"} <= {
        line.split(",")[0] for line in summary.splitlines()
    }
