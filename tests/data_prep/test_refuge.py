"""REFUGE as it really unpacks, in miniature: real names, folders and headers, pictures of a few pixels."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from monai.transforms import Compose
from PIL import Image

from data_prep import _refuge_documents, _refuge_masks
from data_prep._refuge_documents import documents
from data_prep._refuge_files import refuge_id
from data_prep._refuge_header import find_header
from data_prep._refuge_masks import decode
from data_prep.refuge import main, prepare, table
from fundus_mtl.data import read_datalist, root_cause
from fundus_mtl.photographs import FundusReader
from fundus_mtl.transforms import LoadFundusd, MissingLabelsd

WIDTH, HEIGHT = 24, 16
TRAINING = [f"g{i:04}" for i in range(1, 7)] + [f"n{i:04}" for i in range(1, 13)]
VALIDATION = [f"V{i:04}" for i in range(1, 11)]
TESTING = [f"T{i:04}" for i in range(1, 7)]
DATALISTS = ("datalist_official.json", "datalist_cv5.json", "datalist_mt_cool.json")


def codes() -> np.ndarray:
    """Disc of 6 x 5 (w x h) px at column 4, row 3; the cup within it 2 x 3; one rim code that is not 128."""
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    mask[3:8, 4:10] = 128
    mask[3, 4] = 77
    mask[4:7, 6:8] = 0
    return mask


def photograph(path: Path, size=(WIDTH, HEIGHT), level=90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (level, 40, 20)).save(path)
    return path


def mask(path: Path, values=None, mode="L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(codes() if values is None else values).convert(mode).save(path)
    return path


def sheet(path: Path, rows: dict[str, list]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pd.DataFrame(rows)
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_excel(path, index=False)
    return path


def labels(names) -> list[int]:
    """Every second one has glaucoma."""
    return [int(i % 2 == 0) for i, _ in enumerate(names)]


def points(names) -> list[float]:
    return [12.0 + i % 5 + 0.25 for i, _ in enumerate(names)]


@pytest.fixture(scope="module")
def archives(tmp_path_factory) -> Path:
    """The six archives of the challenge, two of them with a doubled folder."""
    raw = tmp_path_factory.mktemp("refuge")
    for name in TRAINING:
        kind = "Glaucoma" if name[0] == "g" else "Non-Glaucoma"
        photograph(raw / "REFUGE-Training400/Training400" / kind / f"{name}.jpg")
        mask(raw / "Annotation-Training400/Annotation-Training400/Disc_Cup_Masks" / kind / f"{name}.bmp")
    for name in VALIDATION:
        photograph(raw / "REFUGE-Validation400/REFUGE-Validation400" / f"{name}.jpg")
        mask(raw / "REFUGE-Validation400-GT/Disc_Cup_Masks" / f"{name}.bmp")
    for name in TESTING:
        photograph(raw / "REFUGE-Test400/Test400" / f"{name}.jpg")
        mask(raw / "REFUGE-Test-GT/Disc_Cup_Masks" / f"{name}.bmp")
    sheet(
        raw / "Annotation-Training400/Annotation-Training400/Fovea_location.xlsx",
        {"ID": range(18), "ImgName": [f"{n}.jpg" for n in TRAINING], "Fovea_X": points(TRAINING), "Fovea_Y": [7] * 18},
    )
    sheet(
        raw / "REFUGE-Validation400-GT/Fovea_locations.xlsx",
        {
            "ID": range(10),
            "ImgName": [f"{name}.jpg" for name in VALIDATION],
            "Fovea_X": points(VALIDATION),
            "Fovea_Y": [8] * 10,
            "Glaucoma Label": labels(VALIDATION),
        },
    )
    sheet(  # columns shuffled, names without .jpg
        raw / "REFUGE-Test-GT/Glaucoma_label_and_Fovea_location.xlsx",
        {"Fovea_Y": [9.5] * 6, "Label(Glaucoma=1)": labels(TESTING), "ImgName": TESTING, "Fovea_X": points(TESTING)},
    )
    return raw


@pytest.fixture
def raw(archives, tmp_path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(archives, tmp_path / "raw"))


def validation_sheet(raw: Path, **columns) -> None:
    path = raw / "REFUGE-Validation400-GT/Fovea_locations.xlsx"
    sheet(path, pd.read_excel(path).to_dict("list") | columns)


def item(items, name):
    return next(item for split in items.values() for item in split if item["id"] == name)


def document(out: Path, name: str) -> dict:
    return json.loads((out / name).read_text())


def test_the_official_split_with_every_label(raw, tmp_path):
    out = tmp_path / "out"
    items = prepare(raw, out)
    assert [[i["id"] for i in split] for split in items.values()] == [TRAINING, VALIDATION, TESTING]
    assert item(items, "g0002") == {
        "id": "g0002",
        "image": "../raw/REFUGE-Training400/Training400/Glaucoma/g0002.jpg",
        "camera": "24x16",
        "disc": "masks/training/g0002_disc.png",
        "cup": "masks/training/g0002_cup.png",
        "fovea": [13.25, 7.0],
        "glaucoma": 1,
    }
    assert item(items, "n0001")["glaucoma"] == 0
    assert (item(items, "V0002")["glaucoma"], item(items, "V0002")["fovea"]) == (0, [13.25, 8.0])
    assert (item(items, "T0003")["glaucoma"], item(items, "T0003")["fovea"]) == (1, [14.25, 9.5])
    for section, split in items.items():
        assert document(out, "datalist_official.json")[section] == split
        assert len(read_datalist(out / "datalist_official.json", section)) == len(split)


def test_masks_worked_by_hand(raw, tmp_path):
    out = tmp_path / "out"
    prepare(raw, out)
    with (
        Image.open(out / "masks/validation/V0001_disc.png") as disc,
        Image.open(out / "masks/validation/V0001_cup.png") as cup,
    ):
        assert (disc.mode, disc.size) == (cup.mode, cup.size) == ("L", (WIDTH, HEIGHT))
        disc, cup = np.asarray(disc), np.asarray(cup)
    assert set(np.unique(disc)) == set(np.unique(cup)) == {0, 255}
    assert (disc > 0).sum() == 30
    assert (cup > 0).sum() == 6
    assert disc[3:8, 4:10].all()
    assert cup[4:7, 6:8].all()


@pytest.mark.parametrize("mode,suffix", [("RGB", "bmp"), ("L", "png"), ("P", "bmp"), ("RGBA", "png")])
def test_masks_of_other_modes(mode, suffix, tmp_path):
    disc, cup = decode(mask(tmp_path / f"Masks/V0001.{suffix}", mode=mode), "V0001")
    np.testing.assert_array_equal(disc, codes() < 255)
    np.testing.assert_array_equal(cup, codes() == 0)


def test_only_the_first_channel_of_a_colour_mask_counts(tmp_path):
    values = np.stack([codes(), np.zeros_like(codes()), np.full_like(codes(), 255)], axis=-1)
    disc, cup = decode(mask(tmp_path / "V0001.bmp", values, "RGB"), "V0001")
    np.testing.assert_array_equal(disc, codes() < 255)
    np.testing.assert_array_equal(cup, codes() == 0)


def test_masks_of_other_codes_are_refused(raw, tmp_path):
    mask(raw / "REFUGE-Test-GT/Disc_Cup_Masks/T0001.bmp", 255 - codes())
    with pytest.raises(
        ValueError, match="T0001: expected a mask of codes 0 cup, 128 rim, 255 background, but got 9.% disc"
    ):
        prepare(raw, tmp_path / "out")


def test_an_empty_mask_is_said(tmp_path, caplog):
    disc, _ = decode(mask(tmp_path / "V0001.bmp", np.full((4, 5), 255, np.uint8)), "V0001")
    assert not disc.any()
    assert "V0001: expected a disc" in caplog.text


def test_fovea_at_the_origin_is_missing_but_a_point_on_the_border_is_not(raw, tmp_path):
    validation_sheet(raw, Fovea_X=[0, 0, 5, np.nan] + [3] * 6, Fovea_Y=[0, 5, 0, np.nan] + [4] * 6)
    items = prepare(raw, tmp_path / "out")
    assert "fovea" not in item(items, "V0001")
    assert "fovea" not in item(items, "V0004")
    assert (item(items, "V0002")["fovea"], item(items, "V0003")["fovea"]) == ([0, 5], [5, 0])
    assert item(items, "V0001")["glaucoma"] == 1


def test_fovea_outside_the_photograph_is_left_out_and_said(raw, tmp_path, caplog):
    """24 x 16 px: x = 20 and y = 8 are inside, x = 8 and y = 20 are not: the order matters."""
    validation_sheet(raw, Fovea_X=[20, 8] + [3] * 8, Fovea_Y=[8, 20] + [4] * 8)
    items = prepare(raw, tmp_path / "out")
    assert item(items, "V0001")["fovea"] == [20, 8]
    assert "fovea" not in item(items, "V0002")
    assert "V0002: expected a fovea within 24 x 16 px" in caplog.text


@pytest.mark.parametrize("columns", [{"Fovea_X": ["left"] * 10}, {"Fovea_X": [np.nan] * 10}])
def test_half_a_point_is_refused(raw, tmp_path, columns):
    validation_sheet(raw, **columns)
    with pytest.raises(ValueError, match="Fovea_locations.xlsx, V0001: expected a number"):
        prepare(raw, tmp_path / "out")


def test_a_label_that_is_none_is_refused(raw, tmp_path):
    validation_sheet(raw, **{"Glaucoma Label": [2] * 10})
    with pytest.raises(ValueError, match="V0001: expected 0 or 1 for glaucoma, but got '2'"):
        prepare(raw, tmp_path / "out")


def test_an_empty_label_cell_is_a_missing_label(raw, tmp_path):
    validation_sheet(raw, **{"Glaucoma Label": [np.nan, *labels(VALIDATION)[1:]]})
    items = prepare(raw, tmp_path / "out")
    assert "glaucoma" not in item(items, "V0001")
    assert [item(items, name)["glaucoma"] for name in ("V0002", "V0003")] == [0, 1]


def test_names_in_any_spelling_and_a_sheet_as_csv(raw, tmp_path):
    path = raw / "REFUGE-Validation400-GT/Fovea_locations.xlsx"
    frame = pd.read_excel(path).rename(columns={"Glaucoma Label": " glaucoma_label", "ImgName": "imgname "})
    frame["imgname "] = ["V0001", "v0002.JPG", "V0003.bmp", " V0004.jpg "] + [
        f"x/{name}.jpg" for name in VALIDATION[4:]
    ]
    path.unlink()
    frame.to_csv(path.with_suffix(".csv"), index=False)
    items = prepare(raw, tmp_path / "out")
    assert [i["glaucoma"] for i in items["validation"]] == labels(VALIDATION)
    assert all("fovea" in i for i in items["validation"])


def test_a_missing_sheet_is_missing_labels_and_said(raw, tmp_path, caplog):
    (raw / "REFUGE-Validation400-GT/Fovea_locations.xlsx").unlink()
    items = prepare(raw, tmp_path / "out")
    assert all({"fovea", "glaucoma"}.isdisjoint(i) and "disc" in i for i in items["validation"])
    assert "validation: expected a sheet with ImgName, Fovea_X and Fovea_Y, but got none" in caplog.text
    assert sum(i["id"][0] == "V" for i in document(tmp_path / "out", "datalist_cv5.json")["training"]) == 10


def test_a_missing_row_a_missing_mask_and_a_missing_photograph_are_named(raw, tmp_path, caplog):
    sheet(
        raw / "REFUGE-Test-GT/Glaucoma_label_and_Fovea_location.xlsx",
        {"ImgName": TESTING[1:], "Label(Glaucoma=1)": [0, 1] * 2 + [0]},
    )
    (raw / "REFUGE-Test-GT/Disc_Cup_Masks/T0002.bmp").unlink()
    (raw / "REFUGE-Test400/Test400/T0003.jpg").unlink()
    items = prepare(raw, tmp_path / "out")
    assert set(item(items, "T0001")) == {"id", "image", "camera", "disc", "cup"}
    assert set(item(items, "T0002")) == {"id", "image", "camera", "glaucoma"}
    assert "testing: expected a row in a sheet for each name, but got none for T0001." in caplog.text
    assert "testing: expected a mask for each name, but got none for T0002." in caplog.text
    assert "testing: expected a photograph for each name, but got none for T0003." in caplog.text


def test_a_sheet_without_names_is_refused_and_an_unrelated_one_ignored(raw, tmp_path):
    sheet(raw / "budget.xlsx", {"month": ["May"], "sum": [3]})
    prepare(raw, tmp_path / "out")
    sheet(raw / "other.csv", {"who": ["V0001"], "Fovea_X": [1], "Fovea_Y": [2]})
    with pytest.raises(
        ValueError, match=r"other.csv: expected the columns ImgName, Fovea_X and Fovea_Y, but got \['who'"
    ):
        prepare(raw, tmp_path / "out")


@pytest.mark.parametrize(
    "header",
    [
        *(
            "Non-Glaucoma",
            "NonGlaucoma",
            "no glaucoma",
            "non_glaucomatous",
            "Without glaucoma",
            "Glaucoma-free",
            "Healthy",
        ),
        *(
            "Normal",
            "Control",
            "Label(Glaucoma=0)",
            "Label (0=glaucoma)",
            "label inverted",
            "Glaukom nein",
            "Not glaucoma",
        ),
    ],
)
def test_a_header_that_may_mean_the_opposite_is_refused(header):
    message = rf"s: expected one column of the label, called Glaucoma Label, .* but got \['{re.escape(header)}'\]"
    with pytest.raises(ValueError, match=message):
        find_header([["ID", "ImgName", header]], "s")


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
def test_no_label_is_turned_round(raw, tmp_path, suffix):
    path = raw / "REFUGE-Test-GT/Glaucoma_label_and_Fovea_location.xlsx"
    frame = pd.read_excel(path).rename(columns={"Label(Glaucoma=1)": "Non-Glaucoma"})
    path.unlink()
    sheet(path.with_suffix(f".{suffix}"), frame.to_dict("list"))
    with pytest.raises(
        ValueError, match=rf"location.{suffix}: expected one column .* but got \['Non-Glaucoma'\]; rename"
    ):
        prepare(raw, tmp_path / "out")


@pytest.mark.parametrize("other", ["Non-Glaucoma", "Label", "Glaucoma", "glaucoma label"])
def test_two_columns_that_may_be_the_label_are_refused(other):
    with pytest.raises(ValueError, match=rf"s: expected one column .*but got \['Glaucoma Label', '{other}'\]"):
        find_header([["ImgName", "Glaucoma Label", other]], "s")


@pytest.mark.parametrize("other", ["FileName", "FoveaX", "fovea y"])
def test_two_columns_of_another_kind_are_refused(other):
    with pytest.raises(ValueError, match=rf"s: expected each column once, but got .*'{other}'"):
        find_header([["ImgName", "Fovea_X", "Fovea_Y", other]], "s")


@pytest.mark.parametrize(
    "header", ["Label", "Glaucoma", " glaucoma_label ", "LABEL (Glaucoma = 1)", "Label(1=Glaucoma)"]
)
def test_headers_that_are_certain(header):
    found = find_header([["Our labels"], [], ["ID", "", header, "ImgName"]], "s")
    assert (found.row, found.columns) == (2, {"label": 2, "name": 3})


def test_scores_of_a_submission_are_no_labels(raw, tmp_path, caplog):
    sheet(raw / "classification_results.csv", {"FileName": TESTING, "Glaucoma Risk": [1, 1, 1, 0, 0, 0]})
    assert [i["glaucoma"] for i in prepare(raw, tmp_path / "out")["testing"]] == labels(TESTING)
    assert "classification_results.csv: expected Fovea_X and Fovea_Y, or a label, in its header" in caplog.text


@pytest.mark.parametrize(
    "written",
    [["yes", "no"], ["Glaucoma", "Non-Glaucoma"], [True, False], [1.0, 0.0], ["1", "0"], [" GLAUCOMA ", "no glaucoma"]],
)
def test_labels_in_words(raw, tmp_path, written):
    validation_sheet(raw, **{"Glaucoma Label": written * 5})
    assert [i["glaucoma"] for i in prepare(raw, tmp_path / "out")["validation"]] == [1, 0] * 5


def test_other_labels_are_refused(raw, tmp_path):
    validation_sheet(raw, **{"Glaucoma Label": [1, "healthy"] * 5})
    with pytest.raises(
        ValueError, match="locations.xlsx, V0002: expected 0 or 1 for glaucoma, but got 'healthy'; write 0"
    ):
        prepare(raw, tmp_path / "out")


def test_a_sheet_in_the_second_tab_and_below_titles(raw, tmp_path):
    path = raw / "REFUGE-Validation400-GT/Fovea_locations.xlsx"
    frame = pd.read_excel(path)
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"Glaucoma labels of REFUGE": ["see the other tab"]}).to_excel(
            book, sheet_name="about", index=False
        )
        frame.to_excel(book, sheet_name="data", index=False, startrow=4, startcol=1)
    items = prepare(raw, tmp_path / "out")["validation"]
    assert [i["glaucoma"] for i in items] == labels(VALIDATION)
    assert [i["fovea"] for i in items] == [[x, 8] for x in points(VALIDATION)]


def test_tabs_that_contradict_each_other_are_refused(raw, tmp_path):
    path = raw / "REFUGE-Validation400-GT/Fovea_locations.xlsx"
    frame = pd.read_excel(path)
    with pd.ExcelWriter(path) as book:
        frame.to_excel(book, sheet_name="one", index=False)
        frame.assign(**{"Glaucoma Label": 1}).to_excel(book, sheet_name="two", index=False)
    with pytest.raises(ValueError, match=r"V0002: expected one glaucoma, but got 0 by .*\[one\] and 1 by .*\[two\]"):
        prepare(raw, tmp_path / "out")


@pytest.mark.parametrize("suffix", ["xlsx", "csv"])
def test_a_sheet_of_photographs_without_a_header_is_refused(raw, tmp_path, suffix):
    path = raw / "REFUGE-Validation400-GT/Fovea_locations.xlsx"
    frame = pd.read_excel(path)
    path.unlink()
    path = path.with_suffix(f".{suffix}")
    frame.to_csv(path, index=False, header=False) if suffix == "csv" else frame.to_excel(
        path, index=False, header=False
    )
    with pytest.raises(
        ValueError, match=r"Fovea_locations.*: expected a header with ImgName, Fovea_X and Fovea_Y above V0001"
    ):
        prepare(raw, tmp_path / "out")


def test_a_csv_with_semicolons(raw, tmp_path):
    path = raw / "REFUGE-Validation400-GT/Fovea_locations.xlsx"
    pd.read_excel(path).to_csv(path.with_suffix(".csv"), index=False, sep=";")
    path.unlink()
    assert [i["glaucoma"] for i in prepare(raw, tmp_path / "out")["validation"]] == labels(VALIDATION)


@pytest.mark.parametrize(
    "x, y, message", [(0.6, 0.5, "multiply normalised coordinates"), (-1, -1, "which is negative")]
)
def test_a_fovea_in_another_unit_is_refused(raw, tmp_path, x, y, message):
    validation_sheet(raw, Fovea_X=[x] + [3] * 9, Fovea_Y=[y] + [4] * 9)
    with pytest.raises(ValueError, match=f"V0001: expected fovea .*{message}"):
        prepare(raw, tmp_path / "out")


def test_a_mask_that_was_a_jpeg_is_refused(raw, tmp_path):
    path, saved = raw / "REFUGE-Test-GT/Disc_Cup_Masks/T0001.bmp", tmp_path / "T0001.jpg"
    Image.fromarray(codes()).save(saved, quality=95)
    with Image.open(saved) as image:
        assert (np.asarray(image) < 255).sum() > 1.2 * (codes() < 255).sum()
        image.save(path)
    with pytest.raises(
        ValueError, match=r"T0001: expected a mask of codes 0 cup, .* but got \d+ pixels of \d+ other codes"
    ):
        prepare(raw, tmp_path / "out")


def test_stray_codes_are_disc_and_more_are_refused(tmp_path):
    """As in the official evaluation, every code below 255 is disc; here as long as there are few."""
    values = codes()
    values[0, :3] = 200  # with the 77 of the fixture four
    disc, cup = decode(mask(tmp_path / "V0001.bmp", values), "V0001")
    np.testing.assert_array_equal(disc, values < 255)
    np.testing.assert_array_equal(cup, values == 0)
    values[0, 3] = 200
    with pytest.raises(
        ValueError, match="V0001: expected .* but got 5 pixels of 2 other codes; take the challenge's own"
    ):
        decode(mask(tmp_path / "V0001.bmp", values), "V0001")


@pytest.mark.parametrize(
    "change, message",
    [
        ({0: 255, 128: 128, 255: 0}, r"but got 9\d% disc"),  # cup and background swapped
        ({0: 128, 128: 0, 255: 255}, "but got a rim inside the cup"),  # cup and rim swapped
        ({0: 2, 128: 1, 255: 0}, "but got 100% disc"),  # numbered
        ({0: 1, 128: 2, 255: 255}, "but got 29 pixels of 2 other codes"),
    ],
)
def test_masks_in_other_codings_are_refused(tmp_path, change, message):
    values = codes()
    values[values == 77] = 128
    other = np.vectorize(change.get)(values).astype(np.uint8)
    with pytest.raises(ValueError, match=message.replace("29", str(((values == 0) | (values == 128)).sum()))):
        decode(mask(tmp_path / "V0001.bmp", other), "V0001")


def test_a_raw_mask_named_in_a_datalist_is_refused_when_it_is_loaded(raw, tmp_path):
    """The challenge's own mask as ``disc``: everything but the cup would be disc."""
    prepare(raw, tmp_path / "out")
    content = document(tmp_path / "out", "datalist_official.json")
    content["testing"][0]["disc"] = os.path.relpath(next(raw.rglob("T0001.bmp")), tmp_path / "out")
    (tmp_path / "out/own.json").write_text(json.dumps(content))
    first, second = read_datalist(tmp_path / "out/own.json", "testing", tasks=["disc"])[:2]
    load = Compose(
        [LoadFundusd("image", FundusReader()), LoadFundusd("disc", FundusReader(mode="mask")), MissingLabelsd(["disc"])]
    )
    assert load(second)["disc"].sum() == 30
    with pytest.raises(RuntimeError) as raised:
        load(first)
    assert re.match(
        r"T0001: expected a mask of disc .*\(0, 77, 128, 255\); split a mask", str(root_cause(raised.value))
    )


def test_a_photograph_in_two_splits_is_refused(raw, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    for name in ("REFUGE-Test400/Test400/T0002.jpg", "REFUGE-Training400/Training400/Glaucoma/g0003.jpg"):
        Image.fromarray(pixels).save(raw / name)
    with pytest.raises(
        ValueError, match="T0002: expected every photograph in one split .* as g0003 in training and here in"
    ):
        prepare(raw, tmp_path / "out")


@pytest.mark.parametrize(
    "path,name",
    [
        ("latest/0003.jpg", None),
        ("evaluation_values/0003.jpg", None),
        ("contested/Test Photos/0003.jpg", "T0003"),
        ("VALID/0003.jpg", "V0003"),
        ("trainingSet/no glaucoma/0003.jpg", "n0003"),
        ("trainingset/no glaucoma/0003.jpg", None),
        ("Training/no glaucoma/0003.jpg", "n0003"),
    ],
)
def test_only_words_of_a_folder_tell_the_split(path, name):
    assert refuge_id(Path(path)) == name


def test_a_damaged_sheet_is_named(raw, tmp_path):
    (raw / "REFUGE-Test-GT/Glaucoma_label_and_Fovea_location.xlsx").write_bytes(b"PK no sheet")
    with pytest.raises(ValueError, match="Glaucoma_label_and_Fovea_location.xlsx: expected a readable sheet"):
        prepare(raw, tmp_path / "out")


def test_contradicting_sheets_are_named(raw, tmp_path):
    sheet(raw / "more.csv", {"ImgName": ["V0001"], "label": [0]})
    with pytest.raises(
        ValueError, match="V0001: expected one glaucoma, but got 1 by .*Fovea_locations.xlsx and 0 by more.csv"
    ):
        prepare(raw, tmp_path / "out")


def test_contradicting_rows_are_named(raw, tmp_path):
    sheet(raw / "more.csv", {"ImgName": ["n0001", "n0001.jpg"], "label": [0, 1]})
    with pytest.raises(ValueError, match="more.csv, n0001: expected one row, but got two that differ, 0 and 1"):
        prepare(raw, tmp_path / "out")


def test_a_photograph_in_the_wrong_folder_is_named(raw, tmp_path):
    folder = raw / "REFUGE-Training400/Training400"
    (folder / "Glaucoma/g0001.jpg").rename(folder / "Non-Glaucoma/g0001.jpg")
    with pytest.raises(
        ValueError, match="g0001: expected one glaucoma, but got 1 by the file name and 0 by the folder's name"
    ):
        prepare(raw, tmp_path / "out")


def test_a_training_label_in_a_sheet_must_agree(raw, tmp_path):
    sheet(raw / "more.csv", {"ImgName": ["n0001"], "Glaucoma": [1]})
    with pytest.raises(ValueError, match="n0001: expected one glaucoma, but got 1 by more.csv and 0 by the file name"):
        prepare(raw, tmp_path / "out")


def test_the_same_file_twice_is_one_and_two_that_differ_are_refused(raw, tmp_path):
    twin = raw / "REFUGE-Test400/Test400/T0001.jpg"
    shutil.copytree(twin.parent, raw / "again/REFUGE-Test400/Test400")
    assert len(prepare(raw, tmp_path / "out")["testing"]) == 6
    photograph(raw / "again/REFUGE-Test400/Test400/T0001.jpg", level=200)
    with pytest.raises(
        ValueError, match="T0001: expected one photograph, but got two that differ, REFUGE-Test400.* and again"
    ):
        prepare(raw, tmp_path / "out")


def refuge2(raw: Path, target: Path) -> Path:
    """Pack the challenge's archives as REFUGE2 does."""
    moves = {
        "REFUGE-Training400/Training400": "REFUGE1-train/Training400",
        "Annotation-Training400/Annotation-Training400": "REFUGE1-train",
        "REFUGE-Validation400/REFUGE-Validation400": "REFUGE1-val/REFUGE-Validation400",
        "REFUGE-Validation400-GT": "REFUGE1-val",
        "REFUGE-Test400/Test400": "REFUGE1-test/Test400",
        "REFUGE-Test-GT": "REFUGE1-test",
    }
    for old, new in moves.items():
        shutil.copytree(raw / old, target / "REFUGE2/Train" / new, dirs_exist_ok=True)
    return target


def test_refuge2_packing_gives_the_same_items(raw, tmp_path, caplog):
    packed = refuge2(raw, tmp_path / "packed")
    photograph(packed / "REFUGE2/Validation/Images/V0001.jpg", (10, 10))  # REFUGE2's own, whatever its numbers
    photograph(packed / "REFUGE2/Test/refuge2-test/T0401.jpg", (10, 10))
    mask(packed / "REFUGE2/Test/Disc_Mask/T0401.png")
    sheet(packed / "REFUGE2/Validation/glaucoma.csv", {"FileName": ["V0001.jpg"], "Glaucoma Risk": [0]})
    expected, got = prepare(raw, tmp_path / "a"), prepare(packed, tmp_path / "b")
    for split in expected:
        assert [{**i, "image": Path(i["image"]).name} for i in expected[split]] == [
            {**i, "image": Path(i["image"]).name} for i in got[split]
        ]
    assert "4 files left out: they lie outside of the folders called REFUGE1" in caplog.text


def test_numbers_above_400_are_left_out(raw, tmp_path, caplog):
    photograph(raw / "extra/V0401.jpg")
    sheet(raw / "extra/glaucoma.csv", {"FileName": ["V0401.jpg"], "Glaucoma Risk": [0.7]})
    assert len(prepare(raw, tmp_path / "out")["validation"]) == 10
    assert "1 files left out: numbers above 400" in caplog.text


@pytest.mark.parametrize(
    "path,name",
    [
        ("a/v0001.JPG", "V0001"),
        ("G0012.bmp", "g0012"),
        ("REFUGE-Test400/Test400/0003.jpg", "T0003"),
        ("Train/REFUGE1-val/0003.jpg", "V0003"),
        ("Training400/Non-Glaucoma/0003.jpg", "n0003"),
        ("Training400/Glaucoma/0003.jpg", "g0003"),
        ("Training400/0003.jpg", None),
        ("pictures/0003.jpg", None),
        ("V001.jpg", None),
        ("V00011.jpg", None),
        ("xV0001.jpg", None),
    ],
)
def test_ids_from_names_and_folders(path, name):
    assert refuge_id(Path(path)) == name


def test_what_is_no_part_of_the_data_is_passed_over(raw, tmp_path, caplog):
    photograph(raw / "__MACOSX/g0001.jpg", level=1)
    (raw / "REFUGE-Test400/Test400/._T0001.jpg").write_bytes(b"mac")
    (raw / "REFUGE-Test-GT/~$Glaucoma_label_and_Fovea_location.xlsx").write_bytes(b"lock")
    photograph(raw / "REFUGE-Test-GT/Disc_Cup_Masks/T0001.jpg")
    (raw / "loop").symlink_to(raw, target_is_directory=True)
    assert len(prepare(raw, tmp_path / "out")["testing"]) == 6
    assert "1 files left out: masks as JPEG" in caplog.text


def test_a_circle_of_links_is_walked_once(raw, tmp_path, monkeypatch):
    (raw / "REFUGE-Test400/loop").symlink_to(raw, target_is_directory=True)
    monkeypatch.setattr("filecmp.cmp", lambda *_, **__: pytest.fail("met the same file again"))
    assert len(prepare(raw, tmp_path / "out")["testing"]) == 6


def test_linked_folders_are_followed(raw, tmp_path):
    linked = tmp_path / "linked"
    linked.mkdir()
    for folder in raw.iterdir():
        (linked / folder.name).symlink_to(folder, target_is_directory=True)
    items = prepare(linked, tmp_path / "out")
    assert [len(split) for split in items.values()] == [18, 10, 6]
    read_datalist(tmp_path / "out/datalist_official.json", "testing")


@pytest.mark.parametrize("absent,left", [("REFUGE-Test", [18, 10, 0]), ("REFUGE-Validation", [18, 0, 6])])
def test_an_absent_split_is_tolerated_and_said(raw, tmp_path, caplog, absent, left):
    for folder in raw.glob(f"{absent}*"):
        shutil.rmtree(folder)
    items = prepare(raw, tmp_path / "out")
    assert [len(split) for split in items.values()] == left
    split = "testing" if "Test" in absent else "validation"
    assert f"{split}: expected photographs, but got none; the split stays empty." in caplog.text
    assert [len(document(tmp_path / "out", "datalist_mt_cool.json")[s]) > 0 for s in ("training", "validation")] == [
        True
    ] * 2


def test_without_the_training_split_nothing_is_written(raw, tmp_path, capsys):
    shutil.rmtree(raw / "REFUGE-Training400")
    assert main([str(raw), str(tmp_path / "out")]) == 1
    assert "Expected photographs of the training split (g0001.jpg, n0001.jpg) below" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_there(tmp_path, capsys):
    assert main([str(tmp_path / "nowhere"), str(tmp_path / "out")]) == 1
    assert "nowhere, but there is none" in capsys.readouterr().err


def test_one_class_is_refused(raw, tmp_path):
    shutil.rmtree(raw / "REFUGE-Training400/Training400/Glaucoma")
    with pytest.raises(ValueError, match="training: expected both classes, but got non-glaucoma only"):
        prepare(raw, tmp_path / "out")


def test_one_class_in_the_test_split_is_said(raw, tmp_path, caplog):
    sheet(
        raw / "REFUGE-Test-GT/Glaucoma_label_and_Fovea_location.xlsx",
        {"ImgName": TESTING, "Label(Glaucoma=1)": [0] * 6},
    )
    prepare(raw, tmp_path / "out")
    assert "datalist_official.json: expected photographs with and without glaucoma in testing" in caplog.text


def test_sizes_that_disagree_name_both(raw, tmp_path):
    photograph(raw / "REFUGE-Test400/Test400/T0001.jpg", (HEIGHT, WIDTH))
    with pytest.raises(ValueError, match="T0001: .*T0001.jpg with 16 x 24 px and .*T0001.bmp with 24 x 16 px"):
        prepare(raw, tmp_path / "out")


def test_a_photograph_turned_by_exif_has_the_size_that_is_seen(raw, tmp_path):
    path, exif = raw / "REFUGE-Test400/Test400/T0001.jpg", Image.Exif()
    exif[274] = 6
    Image.new("RGB", (HEIGHT, WIDTH)).save(path, exif=exif)
    assert item(prepare(raw, tmp_path / "out"), "T0001")["camera"] == "24x16"


@pytest.mark.parametrize("which", ["REFUGE-Test400/Test400/T0001.jpg", "REFUGE-Test-GT/Disc_Cup_Masks/T0001.bmp"])
def test_a_damaged_picture_is_named(raw, tmp_path, which):
    (raw / which).write_bytes(b"no picture")
    with pytest.raises(ValueError, match="T0001: expected a readable (photograph|mask), but got"):
        prepare(raw, tmp_path / "out")


def test_a_truncated_mask_is_named(raw, tmp_path):
    path = raw / "REFUGE-Test-GT/Disc_Cup_Masks/T0001.bmp"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="T0001: expected a readable mask, but got"):
        prepare(raw, tmp_path / "out")


def test_cameras_by_size(raw, tmp_path):
    sizes = {"g0001": ((2124, 2056), "Training400", "Glaucoma/"), "T0001": ((1634, 1634), "Test400", "")}
    for name, (size, folder, kind) in sizes.items():
        photograph(raw / f"REFUGE-{folder}/{folder}/{kind}{name}.jpg", size)
        next(raw.rglob(f"{name}.bmp")).unlink()
    items = prepare(raw, tmp_path / "out")
    assert [item(items, n)["camera"] for n in ("g0001", "T0001", "T0002")] == [
        "Zeiss Visucam 500",
        "Canon CR-2",
        "24x16",
    ]


def test_a_second_run_writes_no_mask_and_the_same_datalists(raw, tmp_path, monkeypatch):
    out = tmp_path / "out"
    prepare(raw, out)
    before = {path: path.read_bytes() for path in out.rglob("*.*")}
    monkeypatch.setattr(_refuge_masks, "decode", lambda *_: pytest.fail("decoded again"))
    prepare(raw, out)
    assert {path: path.read_bytes() for path in out.rglob("*.*")} == before


@pytest.mark.parametrize("age", [-1_000_000, 1_000_000])
def test_a_changed_or_incomplete_mask_is_written_again(raw, tmp_path, age):
    out, source = tmp_path / "out", raw / "REFUGE-Test-GT/Disc_Cup_Masks/T0001.bmp"
    prepare(raw, out)
    stamp = source.stat().st_mtime + age  # archives unpack with old times, so older counts as changed too
    moved = np.roll(codes(), 3, axis=1)
    mask(source, moved)
    os.utime(source, (stamp, stamp))
    (out / "masks/testing/T0002_cup.png").unlink()
    prepare(raw, out)
    np.testing.assert_array_equal(np.asarray(Image.open(out / "masks/testing/T0001_disc.png")) > 0, moved < 255)
    assert (out / "masks/testing/T0002_cup.png").is_file()


@pytest.mark.parametrize("inside", ["out", "."])
def test_the_output_may_lie_inside_the_input(raw, inside):
    first = prepare(raw, raw / inside)
    assert prepare(raw, raw / inside) == first


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(raw, tmp_path, monkeypatch, capsys):
    def full(self, path, **_):
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    assert main([str(raw), str(tmp_path / "out")]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message == (
        "REFUGE was not prepared. T0001: expected to write T0001_disc.png, but got: No space left on device; "
        "free some space or choose another folder."
    )
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def big(training=(40, 360), validation=(40, 360), testing=(40, 360)):
    """Return the items of the whole challenge, without files."""
    splits = {}
    for split, counts, camera in (
        ("training", training, "Zeiss"),
        ("validation", validation, "Canon"),
        ("testing", testing, "Canon"),
    ):
        splits[split] = [
            {"id": f"{split}{label}{i}", "image": "x.jpg", "camera": camera, "glaucoma": label}
            for label, count in zip((1, 0), counts, strict=True)
            for i in range(count)
        ]
    return splits


def shares(items):
    return sorted(
        (camera, label, sum(i["camera"] == camera and i["glaucoma"] == label for i in items))
        for camera, label in {(i["camera"], i["glaucoma"]) for i in items}
    )


def test_folds_of_the_whole_challenge_are_alike():
    """40 and 360 per camera in five folds: 8 and 72 in each."""
    cv = documents(big(), seed=0)["datalist_cv5.json"]
    assert (len(cv["training"]), cv["validation"], len(cv["testing"])) == (800, [], 400)
    for fold in range(5):
        members = [i for i in cv["training"] if i["fold"] == fold]
        assert shares(members) == [("Canon", 0, 72), ("Canon", 1, 8), ("Zeiss", 0, 72), ("Zeiss", 1, 8)]
    assert not any("stratum" in i for i in cv["training"])
    assert not any("fold" in i for i in cv["testing"])


def test_mt_cool_holds_out_a_tenth_of_the_800():
    """40 and 360 per camera: 4 and 36 of each are held out; none of the test split."""
    mt_cool = documents(big(), seed=0)["datalist_mt_cool.json"]
    assert [len(mt_cool[s]) for s in ("training", "validation", "testing")] == [720, 80, 400]
    assert shares(mt_cool["validation"]) == [("Canon", 0, 36), ("Canon", 1, 4), ("Zeiss", 0, 36), ("Zeiss", 1, 4)]
    names = [i["id"] for s in ("training", "validation") for i in mt_cool[s]]
    assert len(set(names)) == 800
    assert not any(name.startswith("testing") for name in names)
    assert (
        "held out of training for choosing the model, so that the choice never sees the test split" in mt_cool["source"]
    )


def test_the_seed_decides_and_nothing_else():
    first, again, other = (documents(big(), seed) for seed in (0, 0, 1))
    assert first == again
    for name in DATALISTS[1:]:
        assert [first[name][part] for part in ("training", "validation")] != [
            other[name][part] for part in ("training", "validation")
        ]  # the items, not only the text that names the seed
    assert first[DATALISTS[0]] == other[DATALISTS[0]]


def test_rare_strata_join_the_largest_of_their_label(caplog):
    items = big(training=(7, 20), validation=(2, 20))  # two of Canon with glaucoma: fewer than there are folds
    items["validation"][0].pop("glaucoma")  # and one without label
    cv = documents(items, 0)["datalist_cv5.json"]["training"]
    positives = [sum(i.get("glaucoma") == 1 and i["fold"] == fold for i in cv) for fold in range(5)]
    assert min(positives) >= 1
    assert not [record for record in caplog.records if "cv5" in record.message]


def test_strata_worked_by_hand():
    """At least 3: the lone 1/b joins 1/a, of its own label, not the larger 0/a; the lone unlabelled one joins 0/a."""
    items = [{"camera": "a", "glaucoma": 0}] * 5 + [{"camera": "a", "glaucoma": 1}] * 3
    items += [{"camera": "b", "glaucoma": 1}, {"camera": "b"}]
    assert _refuge_documents._strata(items, least=3) == ["0/a"] * 5 + ["1/a"] * 4 + ["0/a"]


def test_too_few_of_a_class_for_the_folds_are_said(caplog):
    documents(big(training=(2, 20), validation=(0, 20)), 0)
    assert "datalist_cv5.json: expected photographs with and without glaucoma in fold" in caplog.text


def test_documents_say_where_they_are_from_and_what_is_allowed():
    for found in documents(big(), 0).values():
        assert found["tasks"] == ["disc", "cup", "fovea", "glaucoma"]
        assert "registration" in found["licence"]
        assert "research" in found["licence"]
        assert found["source"].startswith("REFUGE challenge")
    assert _refuge_documents.FOLDS == 5


def test_the_command_prints_a_table(raw, tmp_path, capsys):
    validation_sheet(raw, Fovea_X=[0] * 3 + [3] * 7, Fovea_Y=[0] * 3 + [4] * 7)
    (raw / "REFUGE-Test-GT/Disc_Cup_Masks/T0002.bmp").unlink()
    assert main([str(raw), str(tmp_path / "out"), "--seed", "3"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1:] == [
        ["training", "18", "6", "0", "0", "0", "24x16", "(18)"],
        ["validation", "10", "5", "0", "3", "0", "24x16", "(10)"],
        ["testing", "6", "3", "0", "0", "1", "24x16", "(6)"],
    ]
    assert "seed 3" in document(tmp_path / "out", "datalist_cv5.json")["source"]


def test_the_table_of_an_empty_split():
    assert table({"testing": []}).splitlines()[1].split() == ["testing", "0", "0", "0", "0", "0", "none"]


def test_help(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "python -m data_prep.refuge" in capsys.readouterr().out
