from __future__ import annotations

import errno

import numpy as np
import pytest
from PIL import Image

from data_prep.grape import main, prepare
from fundus_mtl.data import load_datalist
from tests.data_prep.raw_photographs import disc_codes, mask, photograph, pixels, sheet

SECTIONS = ("training", "validation", "testing")


def row(patient, side, **changes):
    name = f"{patient}_{side}_3"
    known = {"id": name, "patient": patient, "laterality": side, "glaucoma": "1", "camera": "Canon CR-2"}
    return known | {"full_frame": str(side == "OD")} | changes


def raw_folder(folder, patients=12, **changes):
    """Two windows of each patient, one of them also as a whole photograph of another size."""
    rows = [row(str(100 + p), side, **changes) for p in range(patients) for side in ("OD", "OS")]
    for number, entry in enumerate(rows):
        photograph(folder / "crops" / f"{entry['id']}.jpg", number)
        mask(folder / "crop_masks" / f"{entry['id']}.png", disc_codes())
        if entry["full_frame"] == "True":
            photograph(folder / "images" / f"{entry['id']}.jpg", number + 100, size=(90, 70))
            mask(folder / "masks" / f"{entry['id']}.png", disc_codes(size=(90, 70)))
    sheet(folder / "labels.csv", rows)
    return folder


def test_masks_and_items(tmp_path):
    prepare(raw_folder(tmp_path / "raw"), tmp_path / "out")
    windows, whole = (load_datalist(tmp_path / "out" / f"datalist_{kind}.json") for kind in ("windows", "whole"))
    items = {item["id"]: item for section in SECTIONS for item in windows[section]}
    assert len(items) == 24
    item = items["103_OS_3"]
    assert {key: item[key] for key in ("patient", "laterality", "camera", "glaucoma")} == {
        "patient": "grape_103",
        "laterality": "L",
        "camera": "Canon CR-2",
        "glaucoma": 1,
    }
    disc, cup = (pixels(item[task]) for task in ("disc", "cup"))
    assert disc.shape == (40, 60)
    assert (disc == 255).sum() == 20 * 25
    assert (cup == 255).sum() == 10 * 15
    assert set(np.unique(disc)) == set(np.unique(cup)) == {0, 255}
    assert (disc[cup == 255] == 255).all()
    assert {item["id"][-4:] for section in SECTIONS for item in whole[section]} == {"OD_3"}
    assert pixels(whole["training"][0]["disc"]).shape == (70, 90)


def test_patients_stay_together_in_both_lists(tmp_path):
    documents = prepare(raw_folder(tmp_path / "raw", patients=20), tmp_path / "out")
    places = {}
    for document in documents.values():
        for section in SECTIONS:
            assert document[section]
            for item in document[section]:
                assert places.setdefault(item["patient"], section) == section
    assert len(places) == 20


def test_a_second_run_writes_only_what_changed(tmp_path):
    raw, out = raw_folder(tmp_path / "raw"), tmp_path / "out"
    prepare(raw, out)
    disc, other = (out / "masks" / "windows" / f"{name}_disc.png" for name in ("100_OD_3", "101_OD_3"))
    before = other.stat().st_ino
    mask(raw / "crop_masks" / "100_OD_3.png", disc_codes(rim=(5, 35, 20, 45)))
    prepare(raw, out)
    assert (pixels(disc) == 255).sum() == 30 * 25
    assert other.stat().st_ino == before


WRONG_MASKS = [
    (disc_codes() * 3, r"100_OD_3: expected the codes \[0, 1, 2\] in 100_OD_3.png, but got 3"),
    (disc_codes(size=(61, 40)), "expected a mask of 60 x 40 px like the photograph, but got 61 x 40 px"),
    (disc_codes(cup=(0, 0, 0, 0)), "100_OD_3: expected a rim and a cup"),
    (disc_codes() * 0, "expected something drawn in 100_OD_3.png, but got background only"),
    (np.repeat(disc_codes()[..., None], 3, axis=2), "expected a mask of one channel, but got mode RGB"),
]


@pytest.mark.parametrize("codes, message", WRONG_MASKS, ids=lambda value: value if isinstance(value, str) else "")
def test_wrong_masks_are_refused(tmp_path, codes, message):
    raw = raw_folder(tmp_path / "raw")
    mask(raw / "crop_masks" / "100_OD_3.png", codes)
    with pytest.raises(ValueError, match=message):
        prepare(raw, tmp_path / "out")


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"laterality": "R"}, r"expected laterality among \['OD', 'OS'\], but got 'R'"),
        ({"glaucoma": "2"}, r"expected glaucoma among \['0', '1'\], but got '2'"),
        ({"full_frame": "yes"}, "expected full_frame among"),
        ({"id": "../evil"}, "expected a plain name as id, but got '../evil'"),
        ({"id": "same"}, "expected same once, but got it 24 times"),
    ],
)
def test_wrong_rows_are_refused(tmp_path, changes, message):
    raw = raw_folder(tmp_path / "raw")
    sheet(raw / "labels.csv", [row(str(100 + p), side) | changes for p in range(12) for side in ("OD", "OS")])
    with pytest.raises(ValueError, match=message):
        prepare(raw, tmp_path / "out")


def test_missing_things_are_named(tmp_path, capsys):
    raw = raw_folder(tmp_path / "raw")
    (raw / "crop_masks" / "105_OS_3.png").unlink()
    assert main([str(raw), str(tmp_path / "out")]) == 1
    assert "105_OS_3: expected the mask 105_OS_3.png, but got no such file" in capsys.readouterr().err
    (raw / "crops" / "100_OD_3.jpg").unlink()
    with pytest.raises(FileNotFoundError, match="100_OD_3: expected the photograph 100_OD_3.jpg"):
        prepare(raw, tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="expected the data set's table"):
        prepare(tmp_path, tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="GRAPE: expected the folder"):
        prepare(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(ValueError, match="expected at least 10 patients, but got 4"):
        prepare(raw_folder(tmp_path / "few", patients=4), tmp_path / "out")


def test_a_full_disk_leaves_no_half_mask(tmp_path, monkeypatch, capsys):
    raw = raw_folder(tmp_path / "raw")

    def full(self, path, **_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    assert main([str(raw), str(tmp_path / "out")]) == 1
    assert "expected to write 100_OD_3_disc.png, but got: No space left" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*.png"))


def test_the_command_prints_what_there_is(tmp_path, capsys):
    assert main([str(raw_folder(tmp_path / "raw")), str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "datalist_whole.json" in printed
    assert "photographs of" in printed
