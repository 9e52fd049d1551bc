"""A run with closer looks and probability maps: who made what, by which hashes, and maps that are the masks' own."""

from __future__ import annotations

import csv
import json

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image

from data_prep.phantom import write_refuge
from fundus_mtl.biomarkers import clean_disc
from fundus_mtl.files import file_sha256
from tests.bundles.conftest import TINY_BUNDLE, run, workflow

RULES = {"_target_": "fundus_mtl.results.Rules", "withhold_ungradable": False, "withhold_implausible": False}
TINY_DISC = TINY_BUNDLE["refuge_disc_mtl"] | {"model_id": "disc of the day"}


def untrained(bundle, folder, options):
    """Weights drawn at random, and the recipe that a training would leave beside them."""
    path = folder / bundle / "models" / "model.pt"
    path.parent.mkdir(parents=True)
    path.touch()  # the config wants its hash
    torch.manual_seed(3)
    kind = "stage" if bundle == "refuge_disc_mtl" else "inference"
    made = workflow(bundle, kind, output_dir=str(folder / bundle), ckpt_path=str(path), **options)
    torch.save(made.parser.get_parsed_content("network").state_dict(), path)
    recipe = {"bundle": bundle, "overlays": {}, "options": options, "expressions": []}
    record = {"recipe": recipe, "weights": {path.name: file_sha256(path)}}
    path.with_name("recipe.json").write_text(json.dumps(record))
    return path


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    raw, folder = (tmp_path_factory.mktemp(name) for name in ("raw", "photographs"))
    write_refuge(raw, {"train": 1, "validation": 1, "test": 1}, size=96, seed=0, share=0.5)
    (folder / "DOE_OS.jpg").write_bytes(next(raw.rglob("*.jpg")).read_bytes())
    (folder / "list.csv").write_text("id,path,mm_per_px\nfirst,DOE_OS.jpg,0.1\nsecond,gone.jpg,\n")
    return folder


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def loaded(path):
    return np.asarray(nibabel.load(path).dataobj)[:, :, 0].T


def test_all_stages_name_themselves_and_keep_their_maps(photographs, tmp_path):
    weights = {
        "refuge_mtl": untrained("refuge_mtl", tmp_path, TINY_BUNDLE["refuge_mtl"]),
        "refuge_disc_mtl": untrained("refuge_disc_mtl", tmp_path, TINY_DISC),
        "hrf_av_mtl": untrained("hrf_av_mtl", tmp_path, TINY_BUNDLE["hrf_av_mtl"]),
    }
    hashes = {bundle: file_sha256(path) for bundle, path in weights.items()}
    out = tmp_path / "out"
    run(
        "refuge_mtl", "inference", dataset_dir=str(photographs / "list.csv"), results_dir=str(out), rules=RULES,
        output_dir=str(tmp_path / "refuge_mtl"), disc_weights=str(weights["refuge_disc_mtl"]),
        vessel_weights=str(weights["hrf_av_mtl"]), save_probabilities=True,
    )  # fmt: skip
    record, rows = json.loads((out / "run.json").read_text()), table(out / "results.csv")
    assert record["model"] == {"id": "refuge_mtl", "sha256": hashes["refuge_mtl"]}
    assert record["stages"] == [
        {"id": "disc of the day", "sha256": hashes["refuge_disc_mtl"], "roles": ["disc", "cup"]},
        {"id": "hrf_av_mtl", "sha256": hashes["hrf_av_mtl"], "roles": ["artery_vein", "vessel"]},
    ]
    journal = [json.loads(line)["row"] for line in (out / "journal.jsonl").read_text().splitlines()]
    for row in (*rows, *journal):  # the failed photograph's too
        assert row["model_sha256"] == hashes["refuge_mtl"]
        assert row["further_sha256"] == f"disc={hashes['refuge_disc_mtl']};vessels={hashes['hrf_av_mtl']}"
        assert row["config_sha256"] == record["config_sha256"]
    assert rows[0]["source_sha256"] == file_sha256(photographs / "DOE_OS.jpg")
    meanings = {entry["column"] for entry in table(out / "data_dictionary.csv") if entry["meaning"]}
    assert set(rows[0]) <= meanings
    # The row has the list's name; the name of the file only gives the eye.
    assert [(row["image_id"], row["source_relpath"]) for row in rows] == [("first", ""), ("second", "")]
    assert (rows[0]["laterality"], rows[0]["laterality_source"]) == ("L", "filename")
    assert not any(b"DOE" in path.read_bytes() for path in out.rglob("*") if path.is_file())
    with Image.open(out / "masks/first.png") as picture:
        codes = np.asarray(picture)
    maps = {
        part: loaded(out / f"probabilities/first_{part}.nii.gz") for part in ("disc", "cup", "artery", "vein", "vessel")
    }
    np.testing.assert_array_equal(codes < 255, clean_disc(maps["disc"] >= 0.5))
    assert all(found.shape == codes.shape for found in maps.values())
    with Image.open(out / "vessels/first.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), maps["vessel"] >= 0.5)
    with Image.open(out / "artery_vein/first.png") as picture:
        colours = np.asarray(picture.convert("RGB")) > 0
    artery, vein = maps["artery"] >= 0.5, maps["vein"] >= 0.5
    np.testing.assert_array_equal(colours, np.stack([artery & ~vein, artery & vein, vein & ~artery], axis=-1))
    assert nibabel.load(out / "probabilities/first_vein.nii.gz").header.get_zooms()[:2] == pytest.approx((0.1, 0.1))


def test_without_stages_the_first_network_made_it_all(photographs, tmp_path):
    path, out = untrained("refuge_mtl", tmp_path, TINY_BUNDLE["refuge_mtl"]), tmp_path / "out"
    run(
        "refuge_mtl", "inference", dataset_dir=str(photographs / "list.csv"), results_dir=str(out), rules=RULES,
        output_dir=str(tmp_path / "refuge_mtl"), save_probabilities=True,
    )  # fmt: skip
    record, row = json.loads((out / "run.json").read_text()), table(out / "results.csv")[0]
    assert (record["stages"], row["further_sha256"], row["model_sha256"]) == ([], "", file_sha256(path))
    with Image.open(out / "masks/first.png") as picture:
        found = loaded(out / "probabilities/first_disc.nii.gz") >= 0.5
        np.testing.assert_array_equal(np.asarray(picture) < 255, clean_disc(found))


def test_the_vessels_own_bundle_keeps_its_maps(photographs, tmp_path):
    untrained("hrf_av_mtl", tmp_path, TINY_BUNDLE["hrf_av_mtl"] | {"zoom": 0.5})
    out = tmp_path / "out"
    run(
        "hrf_av_mtl", "inference", dataset_dir=str(photographs / "list.csv"), results_dir=str(out), rules=RULES,
        output_dir=str(tmp_path / "hrf_av_mtl"), save_probabilities=True, zoom=0.5,
    )  # fmt: skip
    with Image.open(out / "vessels/first.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), loaded(out / "probabilities/first_vessel.nii.gz") >= 0.5)
