from __future__ import annotations

import numpy as np
import pytest

from data_prep.chase_db1 import FOLDERS, main, prepare
from fundus_mtl.data import load_datalist
from tests.data_prep.raw_photographs import disc_codes, mask, photograph, pixels, sheet

SECTIONS = ("training", "validation", "testing")


def raw_folder(folder, patients=14):
    rows = []
    for number in range(2 * patients):
        patient, eye = f"{number // 2 + 1:02}", "LR"[number % 2]
        name = f"Image_{patient}{eye}"
        rows.append({"id": name, "patient": patient, "laterality": eye, "camera": "Nidek NM-200-D"})
        photograph(folder / "images" / f"{name}.jpg", number)
        for vessels in FOLDERS.values():
            mask(folder / vessels / f"{name}.png", disc_codes() > 0)
    sheet(folder / "labels.csv", rows)
    return folder


def test_the_published_split(tmp_path):
    prepare(raw_folder(tmp_path / "raw"), tmp_path / "out")
    document = load_datalist(tmp_path / "out" / "datalist.json")
    assert {section: len(document[section]) for section in SECTIONS} == dict(zip(SECTIONS, (16, 4, 8), strict=True))
    assert {item["patient"] for item in document["testing"]} == {f"chase_db1_{n}" for n in (11, 12, 13, 14)}
    item = document["testing"][0]
    assert item["id"] == "Image_11L"
    assert item["laterality"] == "L"
    assert [item[task].split("/")[-2] for task in FOLDERS] == ["vessels_obs1", "vessels_obs2", "fov"]
    assert pixels(item["vessel"]).dtype == bool


def test_the_patients_that_validate_follow_the_seed(tmp_path):
    raw = raw_folder(tmp_path / "raw")
    drawn = [{i["patient"] for i in prepare(raw, tmp_path / "out", seed)["validation"]} for seed in (0, 0, 1, 2)]
    assert drawn[0] == drawn[1]
    assert len({frozenset(patients) for patients in drawn}) > 1


def test_what_is_refused(tmp_path, capsys):
    raw = raw_folder(tmp_path / "raw")
    mask(raw / "fov" / "Image_01L.png", disc_codes())
    with pytest.raises(ValueError, match=r"Image_01L: expected the codes \[0, 1\] in Image_01L.png, but got 2"):
        prepare(raw, tmp_path / "out")
    mask(raw / "fov" / "Image_01L.png", np.ones((41, 60), dtype=bool))
    with pytest.raises(ValueError, match="expected a mask of 60 x 40 px like the photograph, but got 60 x 41 px"):
        prepare(raw, tmp_path / "out")
    assert main([str(raw), str(tmp_path / "out")]) == 1
    assert "CHASE_DB1 was not prepared. Image_01L: expected a mask" in capsys.readouterr().err
    with pytest.raises(ValueError, match="expected more than 6 patients, but got 6"):
        prepare(raw_folder(tmp_path / "few", patients=6), tmp_path / "out")


def test_the_command(tmp_path, capsys):
    assert main([str(raw_folder(tmp_path / "raw")), str(tmp_path / "out")]) == 0
    assert "8 vessel_observer2" in capsys.readouterr().out
