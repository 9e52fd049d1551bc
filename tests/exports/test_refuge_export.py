"""A submission in the challenge's layout, read back the way its official code reads one."""

from __future__ import annotations

import csv
import logging
from math import nan
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from data_prep.phantom import write_refuge
from fundus_mtl.exports._refuge_submission import RefugeSubmission
from fundus_mtl.metrics import refuge

CODES = np.full((30, 40), 255, np.uint8)
CODES[5:20, 10:30] = 128
CODES[8:16, 14:24] = 0


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_the_files_are_the_challenges(tmp_path: Path) -> None:
    submission = RefugeSubmission(tmp_path)
    submission.add("V0002", CODES, 0.25, (12.5, 7.0))
    assert (tmp_path / "segmentation" / "V0002.bmp").is_file()  # at once
    submission.add("V0001", CODES, np.float32(0.5), np.array([3.0, 4.0]))
    assert submission.finish() == {"segmentation": [], "classification": [], "fovea": []}
    with Image.open(tmp_path / "segmentation" / "V0001.bmp") as image:
        assert (image.format, image.mode, image.size) == ("BMP", "L", (40, 30))
        np.testing.assert_array_equal(np.asarray(image), CODES)
    assert rows(tmp_path / "classification_results.csv")[1:] == [["V0002.jpg", "0.25"], ["V0001.jpg", "0.5"]]
    assert rows(tmp_path / "fovea_location_results.csv")[1:] == [["V0002.jpg", "12.5", "7"], ["V0001.jpg", "3", "4"]]
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "V0001.bmp",
        "V0002.bmp",
        "classification_results.csv",
        "fovea_location_results.csv",
    ]


def test_of_training_only_the_names_of_scores_end_in_bmp(tmp_path: Path) -> None:
    submission = RefugeSubmission(tmp_path, training=True)
    submission.add("g0001", CODES, 0.25, (12.5, 7.0))
    submission.finish()
    assert rows(tmp_path / "classification_results.csv") == [["FileName", "Glaucoma Risk"], ["g0001.bmp", "0.25"]]
    assert rows(tmp_path / "fovea_location_results.csv") == [
        ["ImageName", "Fovea_X", "Fovea_Y"],
        ["g0001.jpg", "12.5", "7"],
    ]


def test_what_is_missing_stays_missing_and_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    submission = RefugeSubmission(tmp_path)
    submission.add("V0001", None, nan, (nan, 3.0))
    submission.add("V0002", CODES, None, None)
    submission.add("V0003", CODES, 0.0, (0.5, 0.0))
    with caplog.at_level(logging.WARNING):
        missing = submission.finish()
    assert missing == {"segmentation": ["V0001"], "classification": ["V0001", "V0002"], "fovea": ["V0001", "V0002"]}
    assert "2 of 3 have no fovea" in caplog.text
    assert "V0001" not in caplog.text
    assert rows(tmp_path / "classification_results.csv")[1:] == [
        ["V0001.jpg", ""],
        ["V0002.jpg", ""],
        ["V0003.jpg", "0"],
    ]
    assert rows(tmp_path / "fovea_location_results.csv")[1:] == [
        ["V0001.jpg", "", ""],
        ["V0002.jpg", "", ""],
        ["V0003.jpg", "0.5", "0"],
    ]
    assert [path.name for path in sorted((tmp_path / "segmentation").iterdir())] == ["V0002.bmp", "V0003.bmp"]


@pytest.mark.parametrize("split, training", [("train", True), ("test", False)])
def test_the_truth_as_an_answer_is_perfect(tmp_path: Path, split: str, training: bool) -> None:
    """Matching by name as the official code does: masks by file name, scores by the folder of masks, foveas by the sheet."""
    write_refuge(tmp_path / "raw", {split: 3}, size=120, seed=3, share=0.4)
    masks = {path.name: path for path in (tmp_path / "raw").rglob("Disc_Cup_Masks/**/*.bmp")}
    [sheet] = (tmp_path / "raw").rglob("*.xlsx")
    truth = pd.read_excel(sheet).set_index("ImgName")
    submission = RefugeSubmission(tmp_path / "out", training)
    for number, (name, path) in enumerate(sorted(masks.items())):
        with Image.open(path) as image:
            stem = name.removesuffix(".bmp")
            place = truth.loc[f"{stem}.jpg", ["Fovea_X", "Fovea_Y"]].to_numpy(float)
            submission.add(stem, np.asarray(image), number / 3, (place[0], place[1]))
    submission.finish()

    answers = list((tmp_path / "out" / "segmentation").iterdir())
    assert {path.name for path in answers} == set(masks)
    for path in answers:
        with Image.open(path) as pred, Image.open(masks[path.name]) as true:
            measured = refuge.segmentation(np.asarray(pred), np.asarray(true))
        assert (measured["cup_dice"], measured["disc_dice"], measured["ae_cdr"]) == (1, 1, 0)
    foveas = rows(tmp_path / "out" / "fovea_location_results.csv")[1:]
    wanted = truth.loc[[row[0] for row in foveas], ["Fovea_X", "Fovea_Y"]].to_numpy(float)
    assert refuge.fovea_error(np.array([row[1:] for row in foveas], float), wanted) < 1e-6
    scored = {row[0] for row in rows(tmp_path / "out" / "classification_results.csv")[1:]}
    assert scored == (set(masks) if training else set(truth.index))


@pytest.mark.parametrize(
    "name, codes, reason",
    [
        ("../V0001", CODES, "without folders"),
        ("a\\b", CODES, "without folders"),
        ("", CODES, "without folders"),
        ("..", CODES, "without folders"),
        ("V0001", CODES.astype(bool), "V0001: expected uint8 codes 0, 128 and 255 of shape .*, but got bool"),
        ("V0001", CODES[None], r"but got uint8 \(1, 30, 40\)"),
        ("V0001", CODES + 1, "or other values"),
    ],
)
def test_what_is_no_answer_is_refused_and_leaves_nothing(
    tmp_path: Path, name: str, codes: np.ndarray, reason: str
) -> None:
    submission = RefugeSubmission(tmp_path / "out")
    with pytest.raises(ValueError, match=reason):
        submission.add(name, codes, 0.1, (1.0, 2.0))
    submission.finish()
    assert len(rows(tmp_path / "out" / "classification_results.csv")) == 1
    assert not list(tmp_path.rglob("*.bmp"))


def test_a_photograph_answers_once(tmp_path: Path) -> None:
    submission = RefugeSubmission(tmp_path)
    submission.add("V0001", CODES, 0.1, None)
    with pytest.raises(ValueError, match="each photograph once, but got 'V0001' again"):
        submission.add("V0001", CODES, 0.1, None)


def test_a_name_cannot_become_a_formula(tmp_path: Path) -> None:
    submission = RefugeSubmission(tmp_path)
    submission.add("=cmd()", CODES, 0.1, None)
    submission.finish()
    assert rows(tmp_path / "classification_results.csv")[1][0] == "'=cmd().jpg"
