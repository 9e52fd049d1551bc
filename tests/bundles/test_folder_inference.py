"""A bundle's inference on a folder with bad files: rows, pseudonyms, and a second run that has nothing to do."""

from __future__ import annotations

import csv
import json

import pytest
import torch
from PIL import Image

from data_prep.phantom import write_refuge
from tests.bundles.conftest import run, workflow

CANARY = "DOE_JOHN_1961"


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Two phantoms and two files that are none, all named after a patient."""
    raw, folder = (tmp_path_factory.mktemp(name) for name in ("raw", "photographs"))
    write_refuge(raw, {"train": 2, "validation": 1, "test": 1}, size=96, seed=0, share=0.5)
    for index, path in enumerate(sorted(raw.rglob("*.jpg"))[:2]):
        (folder / f"{CANARY}_{index}.jpg").write_bytes(path.read_bytes())
    (folder / f"{CANARY}.png").write_text("no picture")
    (folder / f"{CANARY}_half.jpg").write_bytes((folder / f"{CANARY}_0.jpg").read_bytes()[:500])
    return folder


@pytest.fixture
def infer(photographs, tmp_path):
    """Run a bundle with weights drawn at random."""

    def go(bundle, **switches):
        options = {"dataset_dir": str(photographs), "output_dir": str(tmp_path)} | switches
        model = tmp_path / "models/model.pt"
        if not model.exists():
            model.parent.mkdir()
            model.touch()  # the config wants its hash
            torch.manual_seed(0)
            network = workflow(bundle, "inference", **options).parser.get_parsed_content("network")
            torch.save(network.state_dict(), model)
        return run(bundle, "inference", **options).parser.get_parsed_content("results")

    return go


def table(folder):
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("bundle", ["refuge_mtl", "hrf_av_mtl"])
def test_a_folder_and_again(bundle, infer, tmp_path):
    rules = {"_target_": "fundus_mtl.results.Rules", "withhold_ungradable": False}
    results = infer(bundle, rules=rules, mm_per_px=0.05)
    assert results.exit_code == 3
    assert results.counts == {"ok": 2, "ungradable": 0, "failed": 2}
    rows = table(tmp_path / "results")
    assert [row["status"] for row in rows] == ["failed", "ok", "ok", "failed"]
    for row in rows[1:3]:  # weights drawn at random may find a disc of any size
        assert (row["scale_source"] == "user") is ("scale_implausible" not in row["flags"])
    for row in rows[1:3]:
        with Image.open(tmp_path / "results/overlays" / f"{row['image_id']}.jpg") as overlay:
            assert overlay.size == (int(row["width_px"]), int(row["height_px"]))
    again = infer(bundle, rules=rules, mm_per_px=0.05, writers=0)  # which changes no result
    assert (again.pending, again.counts) == ([], results.counts)
    assert table(tmp_path / "results") == rows  # the times too: nothing was computed


def test_no_name_gets_out(infer, tmp_path, caplog, capfd):
    with caplog.at_level("INFO"):
        infer("refuge_mtl", id_mode="hash", results_dir=str(tmp_path / "out"))
    printed = capfd.readouterr()
    texts = [caplog.text.encode(), printed.out.encode(), printed.err.encode()]
    for path in (tmp_path / "out").rglob("*"):
        texts += [path.name.encode(), path.read_bytes() if path.is_file() else b""]
    assert not any(CANARY.encode() in text or b"DOE" in text for text in texts)
    run_record = json.loads((tmp_path / "out/run.json").read_text())
    assert sum(run_record["counts"].values()) == 4


def test_a_postprocessing_that_fails_is_one_row(infer, tmp_path, monkeypatch):
    from fundus_mtl.transforms import NativeMasksd

    original = NativeMasksd.__call__

    def broken(self, data):
        if data["id"].endswith("_0.jpg"):
            raise ValueError("expected a trace of the geometry, but got none")
        return original(self, data)

    monkeypatch.setattr(NativeMasksd, "__call__", broken)
    results = infer("refuge_mtl")
    assert sum(results.counts.values()) == 4
    assert results.counts["failed"] == 3
    row = {row["image_id"]: row for row in table(tmp_path / "results")}[f"{CANARY}_0.jpg"]
    assert row["status_reason"] == "expected a trace of the geometry, but got none"
