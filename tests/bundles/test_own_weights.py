"""The weights that come with the package: whole, small, and sensible on a real photograph of a camera they never saw."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fundus_mtl.cli import main
from fundus_mtl.files import file_sha256
from fundus_mtl.predictor import load_model

ROOT = Path(__file__).resolve().parents[2]
RETINA = ROOT / "data_prep" / "samples" / "retina.jpg"  # a left eye, 1411 x 1411 px
WEIGHTS = sorted((ROOT / "bundles").glob("*/models/model.pt"))
OF = {path.parents[1].name: path for path in WEIGHTS}


@pytest.fixture(scope="module")
def answer():
    with Image.open(RETINA) as opened:
        photograph = np.asarray(opened.convert("RGB"))
    (found,) = load_model(device="cpu")([photograph])
    return found


def test_the_networks_are_there_and_small():
    assert list(OF) == ["hrf_av_mtl", "refuge_disc_mtl", "refuge_mtl"]
    assert sum(path.stat().st_size for path in WEIGHTS) < 25_000_000


@pytest.mark.parametrize("path", WEIGHTS, ids=lambda path: path.parents[1].name)
def test_the_recipe_is_that_of_the_weights_and_of_the_overlays(path):
    record = json.loads(path.with_name("recipe.json").read_text())
    assert record["weights"] == {"model.pt": file_sha256(path)}
    own, shared = path.parents[1] / "configs" / "overlays", path.parents[2] / "methods"
    for name, digest in record["recipe"]["overlays"].items():
        assert file_sha256(own / name if (own / name).is_file() else shared / name) == digest
    tensors = torch.load(path, weights_only=True)
    assert all(bool(tensor.isfinite().all()) for tensor in tensors.values())


def test_disc_and_fovea_are_where_a_person_sees_them(answer):
    """Read off the photograph in an image viewer, to some 15 px: the disc's rim and the darkest point of the macula."""
    assert answer.status == "ok"
    rows, columns = np.nonzero(answer.masks["disc"])
    assert (columns.min(), columns.max()) == pytest.approx((122, 316), abs=25)
    assert (rows.min(), rows.max()) == pytest.approx((542, 757), abs=25)
    assert answer.points["fovea"] == pytest.approx([718, 700], abs=25)
    assert answer.columns["laterality"] == "L"


def test_cup_and_quality_are_within_what_an_eye_can_have(answer):
    assert 0.2 < answer.columns["vcdr"] < 0.7
    assert not (answer.masks["cup"] & ~answer.masks["disc"]).any()
    assert 0.5 < answer.columns["quality_score"] <= 1  # sharp and bright
    assert answer.columns["quality_source"] == "model"


def test_the_glaucoma_score_is_the_mean_of_classifier_and_ratio(answer):
    """A healthy eye of a camera that no network saw."""
    classifier, ratio = (answer.columns[f"glaucoma_prob_{part}"] for part in ("classifier", "vcdr"))
    assert answer.columns["glaucoma_prob"] == pytest.approx((classifier + ratio) / 2)
    assert 0 < classifier < 0.5
    curve = json.loads(OF["refuge_disc_mtl"].with_name("vcdr_regression.json").read_text())
    logit = curve["coefficient"] * answer.columns["vcdr"] + curve["intercept"]
    assert ratio == pytest.approx(1 / (1 + np.exp(-logit)))
    assert answer.columns["glaucoma_calibrated"] is False
    assert answer.columns["glaucoma_threshold"] is None  # none holds on other cameras


def test_the_quality_score_has_a_limit_and_passes_it(answer):
    assert load_model(device="cpu").measure.rules.limits.learned_quality == 0.11  # docs/README.md says what it costs
    assert (answer.columns["gradable"], answer.columns["ungradable_by"]) == (True, None)
    assert load_model(device="cpu", quality_limit=None).measure.rules.limits.learned_quality is None


def test_infer_needs_no_weights(answer, tmp_path, capfd):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "eye.jpg").write_bytes(RETINA.read_bytes())
    assert main(["infer", str(tmp_path / "in"), str(tmp_path / "out"), "--device", "cpu"]) == 0
    assert "own for disc, cup, fovea, quality and glaucoma (research score)" in (line := capfd.readouterr().err)
    assert "arteries and veins only with --vessels" in line
    with (tmp_path / "out" / "results.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["vcdr"]) == pytest.approx(answer.columns["vcdr"], abs=1e-6)
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["model"]["sha256"] == file_sha256(OF["refuge_mtl"])
    assert not run["unanswered"]
    (stage,) = run["stages"]
    assert stage["sha256"] == file_sha256(OF["refuge_disc_mtl"])
    assert stage["roles"] == ["disc", "cup", "glaucoma"]
    assert not (tmp_path / "out" / "vessels").exists()
    assert not {"vessel_density", "avr"} & set(row)


def test_infer_finds_vessels_on_request(tmp_path, capfd):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "eye.jpg").write_bytes(RETINA.read_bytes())
    assert main(["infer", str(tmp_path / "in"), str(tmp_path / "out"), "--device", "cpu", "--vessels"]) == 0
    assert (
        "own for disc, cup, fovea, quality, glaucoma (research score), arteries and veins (--we"
        in capfd.readouterr().err
    )
    with (tmp_path / "out" / "results.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert 0.06 < float(row["vessel_density"]) < 0.18  # of healthy eyes about a tenth
    assert 0.4 < float(row["artery_density"]) / float(row["vein_density"]) < 1.1  # veins are wider
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert [stage["sha256"] for stage in run["stages"]] == [
        file_sha256(OF[name]) for name in ("refuge_disc_mtl", "hrf_av_mtl")
    ]
    with Image.open(tmp_path / "out" / "artery_vein" / "eye.jpg.png") as opened:
        kinds = np.asarray(opened)
    with Image.open(tmp_path / "out" / "vessels" / "eye.jpg.png") as opened:
        vessels = np.asarray(opened)
    np.testing.assert_array_equal(kinds > 0, vessels)  # every vessel has a kind
    assert np.count_nonzero(kinds == 3) < 0.06 * np.count_nonzero(vessels)  # both: crossings and trunks on the disc


def test_a_dry_run_names_models_and_photographs_and_writes_nothing(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "eye.jpg").write_bytes(RETINA.read_bytes())
    (tmp_path / "in" / "gone.png").symlink_to("nowhere")
    (tmp_path / "in" / "notes.txt").touch()
    command = ["infer", str(tmp_path / "in"), str(tmp_path / "out"), "--device", "cpu"]
    before = sorted(tmp_path.rglob("*"))
    assert main([*command, "--dry-run"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if " INFO " not in line]  # without the log
    hashes = [file_sha256(path)[:12] for path in (OF["refuge_mtl"], OF["refuge_disc_mtl"])]
    assert re.fullmatch(rf"model: refuge_mtl [\w ]+, SHA-256 {hashes[0]}…", lines[0])
    assert re.fullmatch(rf"model for disc, cup, glaucoma: refuge_disc_mtl [\w ]+, SHA-256 {hashes[1]}…", lines[1])
    assert lines[2:6] == ["photographs: 2", "to measure: 1", "done by an earlier run: 0", "cannot be opened: 1"]
    assert lines[6] == "  gone.png: a broken link; its target does not exist"
    assert lines[7:] == ["skipped: 1 .txt", f"results would be in {tmp_path / 'out'}"]
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_with_results_of_others_is_refused_with_its_name_under_pseudonyms_too(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "eye.jpg").write_bytes(RETINA.read_bytes())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.csv").write_text("mine")
    command = ["infer", str(tmp_path / "in"), str(tmp_path / "out"), "--device", "cpu", "id_mode=hash"]
    assert main(command) == 2
    printed = capsys.readouterr().err
    assert "Traceback" not in printed
    assert printed.splitlines()[-1].startswith(
        "error: expected results of an earlier run, but got results.csv in 'out'"
    )


def test_the_second_stage_can_be_left_out():
    with Image.open(RETINA) as opened:
        photograph = np.asarray(opened.convert("RGB"))
    (found,) = load_model(device="cpu", disc_weights=None)([photograph])
    assert "cup" not in found.masks
    assert found.masks["disc"].any()
    assert found.columns.get("glaucoma_prob") is None  # it is the second stage's
