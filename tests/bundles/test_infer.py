"""``fundus-mtl infer``: three trainings, known by their recipes, look at one folder."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from fundus_mtl.cli import main
from tests.bundles.conftest import BUNDLES, run

TINY = {"max_epochs": 1, "batch_size": 4, "val_interval": 1, "tracking_uri": None}
ROBUST = BUNDLES / "refuge_mtl" / "configs" / "overlays" / "robust.yaml"


@pytest.fixture(scope="module")
def weights(refuge_data, hrf_data, tmp_path_factory):
    """One training of each bundle that looks at photographs, by its name."""
    folder = tmp_path_factory.mktemp("trainings")
    recipes = {"refuge_mtl": (refuge_data, ROBUST), "refuge_disc_mtl": (refuge_data,), "hrf_av_mtl": (hrf_data,)}
    for bundle, (data, *overlays) in recipes.items():
        run(bundle, "train", *overlays, **TINY, dataset_dir=str(data), output_dir=str(folder / bundle))
    return {bundle: folder / bundle / "models" / "model.pt" for bundle in recipes}


@pytest.fixture(scope="module")
def photographs(refuge_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clinic")
    for name in ("T0001", "T0002"):
        shutil.copy(next((refuge_data.parent / "raw").rglob(f"{name}.jpg")), folder / f"{name}.jpg")
    (folder / "broken.png").write_text("not a picture")
    return folder


def rows(out):
    with (out / "results.csv").open(newline="") as file:
        return {row["image_id"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize("kind", ["refuge_mtl", "refuge_disc_mtl", "hrf_av_mtl"])
def test_a_training_leaves_its_recipe_beside_the_weights(weights, kind):
    record = json.loads(weights[kind].with_name("recipe.json").read_text())
    assert record["recipe"]["bundle"] == kind
    assert list(record["recipe"]["overlays"]) == (["robust.yaml"] if kind == "refuge_mtl" else [])
    assert record["recipe"]["expressions"] == []
    assert not any("/" in str(value) for value in record["recipe"]["options"].values())


def test_the_weights_are_enough_to_measure_a_folder(weights, photographs, tmp_path):
    status = main(
        ["infer", str(photographs), str(tmp_path / "out"), "--weights", str(weights["refuge_mtl"]), "--device", "cpu"]
    )
    found = rows(tmp_path / "out")
    assert status == 3  # one failed
    assert list(found) == ["T0001.jpg", "T0002.jpg", "broken.png"]
    assert found["broken.png"]["status"] == "failed"
    with Image.open(photographs / "T0001.jpg") as photograph:
        assert found["T0001.jpg"]["width_px"] == str(photograph.width)


def test_closer_looks_at_disc_and_vessels_and_a_mirrored_view(weights, photographs, tmp_path):
    status = main(
        [
            *("infer", str(photographs), str(tmp_path / "out"), "--device", "cpu"),
            *("--weights", str(weights["refuge_mtl"]), "--disc-weights", str(weights["refuge_disc_mtl"])),
            *(
                "--vessel-weights",
                str(weights["hrf_av_mtl"]),
                "--set",
                "flips=[[1]]",
                "--set",
                "rules::withhold_ungradable=false",
                "--set",
                "rules::withhold_implausible=false",  # the uncertainty of a ratio is withheld with its disc
            ),
        ]
    )
    assert status == 3
    row = rows(tmp_path / "out")["T0001.jpg"]
    assert (tmp_path / "out" / "artery_vein" / "T0001.jpg.png").is_file()
    assert {"avr", "vessel_density", "vcdr_uncertainty", "fovea_uncertainty_px"} <= set(row)
    assert np.isfinite(float(row["fovea_uncertainty_px"]))
    assert float(row["glaucoma_prob_uncertainty"]) >= 0


def test_what_is_wrong_is_said_in_a_sentence(weights, photographs, tmp_path, capsys):
    assert main(["infer", str(photographs), str(tmp_path / "out"), "--weights", str(tmp_path / "no.pt")]) == 2
    assert "expected weights of a training, but got no file" in capsys.readouterr().err
    bare = tmp_path / "model.pt"
    shutil.copy(weights["refuge_mtl"], bare)
    assert main(["infer", str(photographs), str(tmp_path / "out"), "--weights", str(bare)]) == 2
    assert "expected a recipe.json beside the weights" in capsys.readouterr().err
    assert main(["infer", str(photographs), str(tmp_path / "out"), "--weights", str(weights["refuge_disc_mtl"])]) == 2
    assert "expected weights of hrf_av_mtl, refuge_mtl, but got those of refuge_disc_mtl" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
