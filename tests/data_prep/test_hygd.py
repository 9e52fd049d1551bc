from __future__ import annotations

import shutil

import pytest

from data_prep.hygd import main, prepare
from fundus_mtl.data import load_datalist
from tests.data_prep.raw_photographs import photograph, sheet

SECTIONS = ("training", "validation", "testing")


def row(patient, number, **changes):
    sick = int(patient) % 2
    known = {"id": f"{patient}_{number}", "file": f"{patient}_{number}.jpg", "patient": patient, "glaucoma": str(sick)}
    known |= {"label_original": "GON+" if sick else "GON-", "quality_score": "5.0", "camera": "Topcon DRI OCT Triton"}
    return known | changes


def raw_folder(folder, patients=24, rows=()):
    rows = {r["id"]: r for r in (*(row(str(p), n) for p in range(patients) for n in range(2)), *rows)}
    for number, name in enumerate(rows):
        photograph(folder / "images" / f"{name}.jpg", number)
    sheet(folder / "labels.csv", list(rows.values()))
    return folder


def items_of(document):
    return {item["id"]: item | {"section": section} for section in SECTIONS for item in document[section]}


def test_items_by_hand(tmp_path):
    scores = [row("3", 0, quality_score="2"), row("3", 1, quality_score="8"), row("4", 0, quality_score="3.5")]
    prepare(raw_folder(tmp_path / "raw", rows=scores), tmp_path / "out")
    items = items_of(load_datalist(tmp_path / "out" / "datalist.json"))
    assert len(items) == 48
    assert [items[name]["quality"] for name in ("3_0", "3_1", "4_0")] == [0.0, 1.0, 0.25]
    assert [items[name]["glaucoma"] for name in ("3_0", "4_0")] == [1, 0]
    assert items["3_0"]["patient"] == items["3_1"]["patient"] == "hygd_3"
    assert items["3_0"]["section"] == items["3_1"]["section"]
    assert items["3_0"]["camera"] == "Topcon DRI OCT Triton"
    for section in SECTIONS:
        assert {item["glaucoma"] for item in items.values() if item["section"] == section} == {0, 1}


def test_copies_are_listed_once_and_join_their_patients(tmp_path):
    """Patients 1 and 3 share a photograph, 3 and 5 another one in other bytes: the three count as one."""
    raw = raw_folder(tmp_path / "raw")
    shutil.copy(raw / "images" / "1_0.jpg", raw / "images" / "3_0.jpg")
    photograph(raw / "images" / "5_1.jpg", 7, quality=80)  # 3_1 is number 7
    assert (raw / "images" / "5_1.jpg").read_bytes() != (raw / "images" / "3_1.jpg").read_bytes()
    items = items_of(prepare(raw, tmp_path / "out"))
    assert len(items) == 46
    assert not {"3_0", "5_1"} & set(items)
    assert {items[name]["patient"] for name in ("1_0", "1_1", "3_1", "5_0")} == {"hygd_1"}
    assert len({items[name]["section"] for name in ("1_0", "1_1", "3_1", "5_0")}) == 1
    assert items["7_0"]["patient"] == "hygd_7"


def test_copies_that_contradict_each_other_are_refused(tmp_path):
    raw = raw_folder(tmp_path / "raw")
    shutil.copy(raw / "images" / "1_0.jpg", raw / "images" / "2_0.jpg")
    with pytest.raises(
        ValueError, match="2_0: expected the glaucoma of 1_0, which is the same photograph, but got 0 and 1"
    ):
        prepare(raw, tmp_path / "out")


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"quality_score": "1.9"}, "7_0: expected quality_score from 2 to 8, but got '1.9'"),
        ({"quality_score": "nan"}, "7_0: expected quality_score from 2 to 8, but got 'nan'"),
        ({"quality_score": ""}, "7_0: expected quality_score from 2 to 8, but got ''"),
        ({"glaucoma": "0"}, "7_0: expected one label, but got glaucoma 0 and GON+"),
        ({"label_original": "GON?"}, "7_0: expected label_original among"),
        ({"file": "gone.jpg"}, "7_0: expected the photograph gone.jpg"),
    ],
)
def test_wrong_rows_are_refused(tmp_path, changes, message):
    raw = raw_folder(tmp_path / "raw", rows=[row("7", 0, **changes)])
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        prepare(raw, tmp_path / "out")
    assert message in str(caught.value)


def test_a_table_without_a_column(tmp_path, capsys):
    raw = raw_folder(tmp_path / "raw")
    sheet(raw / "labels.csv", [{"id": "1_0", "file": "1_0.jpg"}])
    assert main([str(raw), str(tmp_path / "out")]) == 1
    assert "labels.csv: expected the columns ['camera', 'glaucoma'" in capsys.readouterr().err


def test_a_damaged_photograph_is_named(tmp_path, capsys):
    raw = raw_folder(tmp_path / "raw")
    (raw / "images" / "2_1.jpg").write_bytes(b"no picture")
    assert main([str(raw), str(tmp_path / "out")]) == 1
    assert "2_1: expected a readable photograph" in capsys.readouterr().err


def test_the_command(tmp_path, capsys):
    assert main([str(raw_folder(tmp_path / "raw")), str(tmp_path / "out")]) == 0
    assert "testing" in capsys.readouterr().out
