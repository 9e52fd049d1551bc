"""Discs that `infer` found, as places of windows: fixed inputs, and the merge that uses them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data_prep.merge import merge
from data_prep.predicted_discs import main, prepare
from fundus_mtl.data import load_datalist, write_datalist
from tests.data_prep.raw_photographs import disc_codes, mask, photograph, pixels, sheet

CODES = np.array([255, 128, 0], dtype=np.uint8)  # background, rim, cup as `infer` writes them


def row(name, status="ok", **changes):
    return {"image_id": name, "source_relpath": name, "status": status, "model_id": "first 1"} | changes


ROWS = [row("a.jpg"), row("left/b.jpg"), row("none.jpg", "ungradable"), row("broken.jpg", "failed")]


def results(folder, rows=ROWS):
    for number, name in enumerate(("a.jpg", "left/b.jpg", "none.jpg")):
        photograph(folder / "photographs" / name, number)
    for name in ("a.jpg", "left/b.jpg"):
        mask(folder / "results" / "masks" / f"{name}.png", CODES[disc_codes()])
    sheet(folder / "results" / "results.csv", rows)
    return folder / "results", folder / "photographs"


def test_a_mask_per_disc_that_was_found_cup_included(tmp_path):
    found, photographs = results(tmp_path)
    prepare(found, tmp_path / "out", photographs)
    document = load_datalist(tmp_path / "out" / "datalist.json")
    assert [item["id"] for item in document["training"]] == ["a", "left_b"]
    assert document["tasks"] == ["disc"]
    assert "model first 1" in document["source"]
    item = document["training"][1]
    assert item["label_sources"] == {"disc": "network"}
    assert Path(item["image"]).resolve() == photographs.resolve() / "left" / "b.jpg"
    np.testing.assert_array_equal(pixels(item["disc"]) == 255, disc_codes() > 0)


def test_a_found_disc_makes_a_window_and_no_outline_to_learn(tmp_path):
    found, photographs = results(tmp_path)
    prepare(found, tmp_path / "out", photographs)
    head = {"name": "labels", "licence": "none", "source": "drawn", "tasks": ["glaucoma"], "validation": []}
    items = {
        section: [{"id": name[:1], "image": str(photographs / name), "glaucoma": 1, "patient": name}]
        for section, name in (("training", "a.jpg"), ("testing", "left/b.jpg"))
    }
    write_datalist(tmp_path / "labels.json", head | items)
    lists = {"eyes": tmp_path / "labels.json"}, {"found": tmp_path / "out" / "datalist.json"}
    joint = merge(tmp_path / "joint.json", *lists)
    (item,), (tested,) = joint["training"], joint["testing"]
    assert item["label_sources"] == {"disc": "found: network"}
    assert "cup" not in item  # the segmentation of disc and cup has no label
    assert "disc" not in tested  # what a network found is no truth


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"image_id": "../secret"}, "expected a file below masks"),
        ({"source_relpath": "../../x.jpg"}, "expected a file below photographs"),
        ({"source_relpath": "gone.jpg"}, "expected the photograph gone.jpg"),
    ],
)
def test_wrong_rows_are_refused(tmp_path, changes, message):
    found, photographs = results(tmp_path, [row("a.jpg") | changes])
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        prepare(found, tmp_path / "out", photographs)


def test_the_command(tmp_path, capsys):
    found, photographs = results(tmp_path)
    command = [str(found), str(tmp_path / "out"), "--photographs", str(photographs)]
    assert main(command) == 0
    assert "2 photographs: 2 disc" in capsys.readouterr().out
    sheet(found / "results.csv", [row("none.jpg")])
    assert main(command) == 1
    assert "expected photographs with a disc, but got none" in capsys.readouterr().err
