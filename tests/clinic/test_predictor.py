"""Photographs in memory get the same answers as the same photographs in a folder."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from fundus_mtl.cli import main
from fundus_mtl.predictor import load_model
from fundus_mtl.results import cell
from tests.clinic.conftest import ANYWAY, fundus, rows, save_model

SIZES = ((60, 90), (90, 64), (75, 75))  # height, width
OF_THE_RUN = {"image_id", "source_relpath", "source_sha256", "timestamp_utc", "runtime_s"}
ANYWAY_RULES = {"rules::withhold_ungradable": False, "rules::withhold_implausible": False}
IMPLAUSIBLE = ("--set", "rules::withhold_implausible=false")  # what untrained networks say never looks like a disc


@pytest.fixture(scope="module")
def eyes():
    return [fundus(height, width, seed) for seed, (height, width) in enumerate(SIZES)]


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    """Weights of the second stages, drawn at random."""
    folder = tmp_path_factory.mktemp("stages")
    disc = save_model(folder / "disc", "refuge_disc_mtl", **{"size": 32, "crop": 32, "network_def::width": 2})
    vessels = save_model(folder / "vessels", "hrf_av_mtl", **{"network_def::width": 2, "network_def::depth": 2})
    return {"disc_weights": str(disc), "vessel_weights": str(vessels)}


def folder_rows(eyes, weights, tmp_path, *options):
    for number, eye in enumerate(eyes):
        (tmp_path / "in").mkdir(exist_ok=True)
        Image.fromarray(eye).save(tmp_path / "in" / f"{number}.png")
    given = ("infer", str(tmp_path / "in"), str(tmp_path / "out"), "--weights", str(weights), *ANYWAY, *IMPLAUSIBLE)
    assert main([*given, *options]) == 0
    return rows(tmp_path / "out" / "results.csv")


def same(answer, row, model):
    """Assert that an answer has the cells of a folder's row."""
    measured = set(model.columns) | {"status", "status_reason", "flags"}
    assert len(measured) > 40
    for name in measured - OF_THE_RUN:
        assert cell(answer.columns.get(name)) == row[name], name


@pytest.mark.parametrize("staged", [False, True])
def test_the_same_as_a_folder_run(eyes, weights, stages, tmp_path, staged):
    options = stages if staged else {}
    table = folder_rows(eyes, weights, tmp_path, *(f"--{k.replace('_', '-')}={v}" for k, v in options.items()))
    model = load_model(weights, device="cpu", **ANYWAY_RULES, **options)
    answers = model(eyes)
    for number, (answer, row) in enumerate(zip(answers, table, strict=True)):
        same(answer, row, model)
        with Image.open(tmp_path / "out" / "masks" / f"{number}.png.png") as written:
            codes = np.asarray(written)
        assert np.array_equal(answer.masks["disc"], codes < 255)
        assert np.array_equal(answer.masks["cup"], codes == 0)
    assert any(answer.masks["disc"].any() for answer in answers)
    assert answers[0].points["fovea"].shape == (2,)
    assert 0 <= answers[0].scores["glaucoma"] <= 1
    assert ("artery" in answers[0].masks) is staged


def test_flips_need_no_file_either(eyes, weights, tmp_path):
    table = folder_rows(eyes[:1], weights, tmp_path, "--set", "flips=[[1]]")
    (answer,) = load_model(weights, device="cpu", flips=[[1]], **ANYWAY_RULES)(eyes[:1])
    assert cell(answer.columns["vcdr_uncertainty"]) == table[0]["vcdr_uncertainty"] != ""


def test_facts_of_a_photograph(eyes, weights):
    """The eye is taken over; a scale of 6 mm per px is read too, and refused as no eye has such a size."""
    model = load_model(weights, device="cpu", **ANYWAY_RULES)
    known, unknown = model(eyes[:2], facts=[{"mm_per_px": 6.0, "laterality": "L"}, None])
    assert known.columns["laterality"] == "L"
    assert "scale_implausible" in known.flags
    assert "scale_implausible" not in unknown.flags
    assert "mm_per_px_x" not in known.columns


def test_a_photograph_that_fails_does_not_stop_the_others(eyes, weights, monkeypatch):
    model = load_model(weights, device="cpu", **ANYWAY_RULES)
    finish = model.stage.postprocessing

    def fail_once(sample):
        if np.shares_memory(sample["photograph"], failing):  # a view of it, not a copy
            raise ValueError("expected an eye, but got a cat.")
        return finish(sample)

    failing = np.ascontiguousarray(eyes[1])
    monkeypatch.setattr(model.stage, "postprocessing", fail_once)
    first, second, third = model([eyes[0], failing, eyes[2]])
    assert (first.status, second.status, third.status) == ("ok", "failed", "ok")
    assert second.reason == "expected an eye, but got a cat."
    assert not second.masks


def test_a_black_photograph_is_ungradable(weights):
    (answer,) = load_model(weights, device="cpu")([np.zeros((40, 50, 3), np.uint8)])
    assert answer.status == "ungradable"
    assert not answer.masks
    assert answer.reason


@pytest.mark.parametrize(
    "image", [np.zeros((4, 5, 3), np.float32), np.zeros((4, 5), np.uint8), np.zeros((3, 4, 5), np.uint8)]
)
def test_what_is_no_photograph_is_refused(weights, image):
    model = load_model(weights, device="cpu")
    with pytest.raises(ValueError, match=r"image 1: expected RGB uint8 of shape \(H, W, 3\), but got"):
        model([np.zeros((40, 50, 3), np.uint8), image])


def test_facts_must_be_as_many_as_images(weights, eyes):
    with pytest.raises(ValueError, match="facts: expected one per image, 3, but got 1"):
        load_model(weights, device="cpu")(eyes, facts=[None])


def test_an_unknown_option_is_refused(weights):
    with pytest.raises(ValueError, match="flipz"):
        load_model(weights, flipz=[[1]])


def test_weights_that_are_not_installed(monkeypatch, tmp_path):
    import fundus_mtl.workflow._own_weights as module

    monkeypatch.setattr(module, "files", lambda _: tmp_path)
    with pytest.raises(FileNotFoundError, match="weights: expected refuge_mtl/models/model.pt in the package"):
        load_model()


def test_importing_the_package_imports_no_library():
    """`load_model` is found without importing what it needs; that happens when it is called."""
    code = "import sys; from fundus_mtl import load_model; print(sorted({'torch', 'monai'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout == "[]\n"
