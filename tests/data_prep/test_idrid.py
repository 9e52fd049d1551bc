from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from data_prep._idrid_discs import ellipse
from data_prep._same_photograph import same_photographs
from data_prep.idrid import main, prepare
from fundus_mtl.data import load_datalist, read_datalist
from tests.data_prep.raw_photographs import mask, photograph, pixels, sheet

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def raw_folder(folder, train=20, test=2):
    """Non-square photographs of 60x40 px; the first has no box."""
    (folder / "images").mkdir(parents=True)
    rows = []
    for k in range(train + test):
        split = "train" if k < train else "test"
        name = f"IDRiD_{k:03}_{split}.jpg"
        photograph(folder / "images" / name, k)
        box = (np.nan,) * 4 if k == 0 else (20.0, 12.0, 10.0, 6.0)
        rows.append((name, split, 20.5, 12.5, 40.25, 15.75, *box))
    columns = ["image", "split", "od_x", "od_y", "fovea_x", "fovea_y", "od_box_cx", "od_box_cy", "od_box_w", "od_box_h"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "labels.csv", index=False)
    return folder


def masks_folder(folder, matches):
    """Outlines at four times the size: a box of 20x12 reduced pixels from (15, 9)."""
    (folder / "od_mask").mkdir(parents=True)
    mask = np.zeros((160, 240), dtype=bool)
    mask[37:60, 60:101] = True  # three quarters of a reduced row more, one quarter of a reduced column
    for seg, *_ in matches:
        Image.fromarray(mask).save(folder / "od_mask" / f"{Path(seg).stem}_OD.png")
    columns = ["seg_image", "localisation_image", "mean_abs_diff", "second_best"]
    pd.DataFrame(matches, columns=columns).to_csv(folder / "match_to_images.csv", index=False)
    return folder


def test_ellipse_by_hand():
    mask = ellipse((40, 60), (20, 12), (10, 6))
    rows, columns = np.nonzero(mask)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (15, 25, 9, 15)
    assert mask.sum() == pytest.approx(np.pi * 5 * 3, rel=0.1)


def test_splits_and_partial_labels(tmp_path):
    prepare(raw_folder(tmp_path / "raw"), tmp_path / "out")
    sections = {
        name: read_datalist(tmp_path / "out" / "datalist.json", name) for name in ("training", "validation", "testing")
    }
    assert {name: len(items) for name, items in sections.items()} == {"training": 18, "validation": 2, "testing": 2}
    assert all(item["id"].endswith("test") == (name == "testing") for name, items in sections.items() for item in items)
    everything = {item["id"]: item for items in sections.values() for item in items}
    assert "disc" not in everything["IDRiD_000_train"]
    assert everything["IDRiD_000_train"]["fovea"] == [40.25, 15.75]
    assert (
        np.asarray(Image.open(everything["IDRiD_001_train"]["disc"])).sum()
        == 255 * ellipse((40, 60), (20, 12), (10, 6)).sum()
    )


def test_only_certain_outlines_are_used(tmp_path):
    matches = [
        ("IDRiD_01.jpg", "IDRiD_001_train.jpg", 0.1, 7.0),
        ("IDRiD_02.jpg", "IDRiD_002_train.jpg", 12.5, 13.4),
        ("IDRiD_03.jpg", "IDRiD_003_train.jpg", 0.9, 1.0),
        ("IDRiD_04.jpg", "IDRiD_004_train.jpg", 2.0, 30.0),
        ("IDRiD_05.jpg", "IDRiD_000_train.jpg", 0.1, 7.0),  # has no box
    ]
    report = prepare(raw_folder(tmp_path / "raw"), tmp_path / "out", masks_folder(tmp_path / "seg", matches))
    kinds = report.set_index("id")["disc"]
    assert kinds[kinds == "outline"].index.tolist() == ["IDRiD_000_train", "IDRiD_001_train"]
    assert np.isnan(report.set_index("id")["dice"]["IDRiD_000_train"])
    mask = np.asarray(Image.open(tmp_path / "out" / "masks" / "IDRiD_001_train_disc.png"))
    assert mask[9:15, 15:25].all()
    assert mask.astype(bool).sum() == 60
    expected = 2 * (ellipse((40, 60), (20, 12), (10, 6)) & mask.astype(bool)).sum()
    expected /= ellipse((40, 60), (20, 12), (10, 6)).sum() + 60
    assert report.set_index("id")["dice"]["IDRiD_001_train"] == pytest.approx(expected)


def test_the_command_line(tmp_path, capsys):
    main([str(raw_folder(tmp_path / "raw")), str(tmp_path / "out")])
    assert "datalist.json" in capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match=r"expected labels.csv and images/"):
        prepare(tmp_path / "nowhere", tmp_path / "out")
    assert main([str(tmp_path / "nowhere"), str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.startswith("IDRiD was not prepared. ")


def test_the_command_line_names_the_outlines_that_it_leaves_out(tmp_path, capsys):
    matches = [("IDRiD_01.jpg", "IDRiD_001_train.jpg", 0.1, 7.0), ("IDRiD_02.jpg", "IDRiD_002_train.jpg", 12.5, 13.4)]
    seg = masks_folder(tmp_path / "seg", matches)
    assert main([str(raw_folder(tmp_path / "raw")), str(tmp_path / "out"), "--masks", str(seg)]) == 0
    printed = capsys.readouterr().out
    assert "Outlines left out because their photograph is not certain: IDRiD_02.jpg\n" in printed
    assert "Dice of the box's ellipse and the outline: mean" in printed
    (seg / "od_mask" / "IDRiD_01_OD.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"IDRiD_01.jpg: expected one outline in od_mask/, but got 0"):
        prepare(tmp_path / "raw", tmp_path / "out", seg)
    with pytest.raises(FileNotFoundError, match=r"expected match_to_images.csv and od_mask/"):
        prepare(tmp_path / "raw", tmp_path / "out", tmp_path)


def test_the_published_points_stay_beside_the_datalist(tmp_path):
    prepare(raw_folder(tmp_path / "raw"), tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "reference.csv").set_index("id")
    assert len(table) == 22
    assert table.loc["IDRiD_001_train"].tolist() == ["train", 20.5, 12.5, 40.25, 15.75, 20.0, 12.0, 10.0, 6.0]
    assert table.loc["IDRiD_000_train"].isna().sum() == 4


def test_the_validation_tenth_follows_the_seed(tmp_path):
    raw, chosen = raw_folder(tmp_path / "raw"), []
    for seed in (1, 1, 2, 3):
        report = prepare(raw, tmp_path / "out", seed=seed)
        chosen.append(tuple(report.loc[report["section"] == "validation", "id"]))
    assert chosen[0] == chosen[1]
    assert len(set(chosen)) > 1


def test_an_output_folder_behind_a_link(tmp_path):
    """A relative path out of the folder starts at its real place, not at the link's."""
    (tmp_path / "far" / "away" / "out").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far" / "away" / "out")
    prepare(raw_folder(tmp_path / "raw"), tmp_path / "link")
    assert len(read_datalist(tmp_path / "link" / "datalist.json", "testing")) == 2


def test_a_full_disk_is_one_sentence_and_leaves_no_half_mask(tmp_path, monkeypatch, capsys):
    def full(self, path, **_):
        Path(path).touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    raw = raw_folder(tmp_path / "raw")
    monkeypatch.setattr(Image.Image, "save", full)
    assert main([str(raw), str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("IDRiD was not prepared. IDRiD_001_train_disc.png: expected to write it, but got: No space")
    assert not list((tmp_path / "out").rglob("*.p*"))


def segmentation_folder(folder, rows):
    """A box of 20x10 px as the disc of every photograph, at the size of RAW's."""
    disc = np.zeros((40, 60), dtype=np.uint8)
    disc[5:15, 10:30] = 1
    for number, row in enumerate(rows):
        photograph(folder / "images" / f"{row['id']}.jpg", 1000 + number)
        mask(folder / "masks" / f"{row['id']}.png", disc)
    sheet(folder / "labels.csv", rows)
    return folder


def segmentation_row(name, split, nearest, match):
    row = {"id": name, "split": split, "nearest_in_idrid_1072": nearest, "match": match}
    return row | {"camera": "Kowa VX-10alpha"}


MATCHES = [
    segmentation_row("IDRiD_01", "train", "IDRiD_003_train", "same"),
    segmentation_row("IDRiD_02", "train", "IDRiD_021_test", "same"),
    segmentation_row("IDRiD_03", "train", "IDRiD_004_train", "none"),
    segmentation_row("IDRiD_55", "test", "IDRiD_005_train", "none"),
    segmentation_row("IDRiD_39", "train", "IDRiD_006_train", "?"),
]


def sections_of(out):
    document = load_datalist(out / "datalist.json")
    names = ("training", "validation", "testing")
    return {item["id"]: item | {"section": name} for name in names for item in document[name]}


def test_outlines_of_the_segmentation_part(tmp_path):
    seg = segmentation_folder(tmp_path / "seg", MATCHES)
    report = prepare(raw_folder(tmp_path / "raw"), tmp_path / "out", segmentation=seg).set_index("id")
    items = sections_of(tmp_path / "out")
    assert len(items) == 24
    for name in ("IDRiD_003_train", "IDRiD_021_test"):
        assert (pixels(items[name]["disc"]) == 255).sum() == 200
        assert "label_sources" not in items[name]
    assert items["IDRiD_021_test"]["section"] == "testing"  # whatever the segmentation part's own split
    assert items["IDRiD_005_train"]["label_sources"] == {"disc": "ellipse of the box"}
    assert {items[f"IDRiD_{n}_segmentation"]["section"] for n in ("03", "55")} == {"training", "testing"}
    assert "fovea" not in items["IDRiD_03_segmentation"]
    assert (pixels(items["IDRiD_03_segmentation"]["disc"]) != 0).sum() == 200
    assert report["disc"]["IDRiD_39"] == "doubtful match"
    assert {item["camera"] for item in items.values()} == {"Kowa VX-10alpha"}


@pytest.mark.parametrize(
    "row, message",
    [
        (segmentation_row("IDRiD_01", "val", "x", "none"), r"expected split among \['test', 'train'\], but got 'val'"),
        (segmentation_row("IDRiD_01", "train", "x", "maybe"), "expected match among .*, but got 'maybe'"),
        (
            segmentation_row("IDRiD_01", "train", "IDRiD_999_train", "same"),
            "expected the photograph IDRiD_999_train.jpg",
        ),
        (segmentation_row("IDRiD_01", "train", "IDRiD_021_test", "same"), "expected one outline of IDRiD_021_test.jpg"),
    ],
)
def test_wrong_rows_of_the_segmentation_part(tmp_path, row, message):
    seg = segmentation_folder(tmp_path / "seg", [*MATCHES[1:], row])
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        prepare(raw_folder(tmp_path / "raw"), tmp_path / "out", segmentation=seg)


def test_masks_of_other_codes_are_refused(tmp_path, capsys):
    seg = segmentation_folder(tmp_path / "seg", MATCHES)
    mask(seg / "masks" / "IDRiD_55.png", np.full((40, 60), 255, dtype=np.uint8))
    arguments = [str(raw_folder(tmp_path / "raw")), str(tmp_path / "out"), "--segmentation", str(seg)]
    assert main(arguments) == 1
    assert "IDRiD_55: expected the codes [0, 1] in IDRiD_55.png, but got 255" in capsys.readouterr().err


def test_one_copy_of_a_photograph_is_kept(tmp_path):
    """A test photograph among those for training, and two training copies whose outline belongs to the later one."""
    raw = raw_folder(tmp_path / "raw")
    shutil.copy(raw / "images" / "IDRiD_020_test.jpg", raw / "images" / "IDRiD_002_train.jpg")
    shutil.copy(raw / "images" / "IDRiD_007_train.jpg", raw / "images" / "IDRiD_009_train.jpg")
    row = segmentation_row("IDRiD_01", "train", "IDRiD_009_train", "same")
    report = prepare(raw, tmp_path / "out", segmentation=segmentation_folder(tmp_path / "seg", [row]))
    copies = report.loc[report["disc"] == "copy", "id"].tolist()
    items = sections_of(tmp_path / "out")
    assert "IDRiD_002_train" in copies
    assert len(copies) == 2
    assert items["IDRiD_020_test"]["section"] == "testing"
    (kept,) = {"IDRiD_007_train", "IDRiD_009_train"} & set(items)
    assert (pixels(items[kept]["disc"]) == 255).sum() == 200


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here: the real IDRiD photographs cannot be read")
def test_the_real_copies():
    """Six pairs, found by their bytes; no test photograph stays in training."""
    names = sorted((SHARED / "idrid_1072" / "images").glob("*.jpg"))
    firsts = same_photographs(names)
    pairs = {(names[first].stem, name.stem) for first, name in zip(firsts, names, strict=True) if names[first] != name}
    assert len(pairs) == 6
    assert ("IDRiD_064_test", "IDRiD_118_train") in pairs


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is not here: the real IDRiD photographs cannot be read")
def test_the_real_matches_keep_the_test_photograph_out_of_training():
    from data_prep.idrid import certain_matches

    matches = certain_matches(SHARED / "idrid_seg20")
    assert len(matches) == 17
    assert [path.stem[:8] for name, path in matches.items() if name.endswith("_test.jpg")] == ["IDRiD_09"]


def change(raw, index=3, **cells):
    """Change cells of one row of the table."""
    table = pd.read_csv(raw / "labels.csv", dtype=object)
    for column, value in cells.items():
        table.loc[index, column] = value
    table.to_csv(raw / "labels.csv", index=False)


def ids_of(out):
    return {name: [item["id"] for item in document(out)[name]] for name in ("training", "validation", "testing")}


def document(out):
    return json.loads((out / "datalist.json").read_text())


@pytest.mark.parametrize("train, test", [("Train", "Test"), (" training", "TESTING "), ("TRAIN", "test\u00a0")])
def test_no_test_photograph_is_trained_on(tmp_path, train, test):
    raw = raw_folder(tmp_path / "raw")
    prepare(raw, tmp_path / "a")
    table = pd.read_csv(raw / "labels.csv")
    table.assign(split=table["split"].map({"train": train, "test": test})).to_csv(raw / "labels.csv", index=False)
    prepare(raw, tmp_path / "b")
    assert ids_of(tmp_path / "a") == ids_of(tmp_path / "b")
    assert pd.read_csv(tmp_path / "b" / "reference.csv")["split"].value_counts().to_dict() == {"train": 20, "test": 2}


@pytest.mark.parametrize("word", ["dev", "", "tset", "0", "train, test"])
def test_other_splits_are_refused_with_the_row(tmp_path, word):
    change(raw := raw_folder(tmp_path / "raw"), split=word)
    with pytest.raises(
        ValueError, match=f"labels.csv, row 5, IDRiD_003_train.jpg: expected a split .* but got '{word}'"
    ):
        prepare(raw, tmp_path / "out")


def test_a_validation_section_of_the_table_is_kept(tmp_path):
    change(raw := raw_folder(tmp_path / "raw"), split="Val")
    report = prepare(raw, tmp_path / "out").set_index("id")["section"]
    assert report[report == "validation"].index.tolist() == ["IDRiD_003_train"]
    assert (report == "training").sum() == 19


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_blank_rows_titles_and_other_delimiters(tmp_path, delimiter):
    raw = raw_folder(tmp_path / "raw")
    prepare(raw, tmp_path / "a")
    text = pd.read_csv(raw / "labels.csv").rename(columns={"image": " Image "}).to_csv(index=False, sep=delimiter)
    lines = text.splitlines()
    blank = delimiter * 9
    (raw / "labels.csv").write_text("\n".join(["IDRiD", "", *lines[:5], "", blank, *lines[5:], blank, ""]))
    prepare(raw, tmp_path / "b")
    assert document(tmp_path / "a") == document(tmp_path / "b")


@pytest.mark.parametrize("header", ["Image No,X- Coordinate,Y - Coordinate,,,", "ID,ImgName,Fovea_X,Fovea_Y"])
def test_other_headers_are_one_sentence(tmp_path, header, capsys):
    raw = raw_folder(tmp_path / "raw")
    (raw / "labels.csv").write_text(f"{header}\nIDRiD_001,12,13,,,\n,,,,,\n")
    assert main([str(raw), str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err.strip()
    assert error.startswith("IDRiD was not prepared. labels.csv: expected the columns ['image', 'split', 'fovea_x'")
    assert "but got [" in error
    assert "\n" not in error


@pytest.mark.parametrize("empty", [np.nan, "", "NaN", "n/a", "-"])
def test_an_unknown_fovea_is_a_missing_label(tmp_path, empty):
    change(raw := raw_folder(tmp_path / "raw"), fovea_x=empty, fovea_y=empty)
    prepare(raw, tmp_path / "out")
    items = {item["id"]: item for section in ids_of(tmp_path / "out") for item in document(tmp_path / "out")[section]}
    assert "fovea" not in items["IDRiD_003_train"]
    assert "disc" in items["IDRiD_003_train"]
    assert sum("fovea" in item for item in items.values()) == 21


def test_absent_columns_are_unknown_with_a_warning(tmp_path, caplog):
    raw = raw_folder(tmp_path / "raw")
    table = pd.read_csv(raw / "labels.csv")
    table[[column for column in table if "box" not in column]].to_csv(raw / "labels.csv", index=False)
    assert set(prepare(raw, tmp_path / "out")["disc"]) == {"missing"}
    assert (
        "labels.csv: expected the columns ['od_box_cx', 'od_box_cy', 'od_box_w', 'od_box_h'], but got none"
        in caplog.text
    )


@pytest.mark.parametrize(
    "cells, message",
    [
        ({"fovea_x": 0, "fovea_y": 0}, r"IDRiD_003_train.jpg: expected fovea .* but got \(0, 0\)"),
        ({"fovea_x": -1, "fovea_y": -1}, "IDRiD_003_train.jpg: expected fovea .* which is negative"),
        ({"fovea_x": 0.6, "fovea_y": 0.4}, "IDRiD_003_train.jpg: expected fovea .* multiply normalised coordinates"),
        ({"fovea_x": 15, "fovea_y": 55}, r"IDRiD_003_train.jpg: expected fovea within 60 x 40 px, but got \(15, 55\)"),
        ({"od_x": 2400.5}, "IDRiD_003_train.jpg: expected disc within 60 x 40 px"),
        (
            {"od_box_cx": 0.3, "od_box_cy": 0.3},
            "IDRiD_003_train.jpg: expected disc box .* multiply normalised coordinates",
        ),
        ({"od_box_w": 0.2, "od_box_h": 0.2}, "expected a box of the disc within 60 x 40 px, but got 0.2 x 0.2"),
        ({"od_box_w": 61}, "expected a box of the disc within 60 x 40 px, but got 61 x 6"),
        ({"od_box_h": -6}, "expected a box of the disc within 60 x 40 px, but got 10 x -6"),
        (
            {"od_box_w": 60, "od_box_h": 40, "od_box_cx": 30, "od_box_cy": 20},
            "at most 50% of the photograph, but got 7",
        ),
        ({"fovea_y": np.nan}, r"row 5, .*: expected all of \['fovea_x', 'fovea_y'\] or none, but got no \['fovea_y'\]"),
        ({"od_box_w": np.nan}, r"row 5, .*: expected all of .* but got no \['od_box_w'\]"),
        ({"fovea_x": "40,25"}, "row 5, .*: expected fovea_x as a number with a decimal point, but got '40,25'"),
        (
            {"image": "IDRiD_900.jpg"},
            "labels.csv: expected the photograph IDRiD_900.jpg, but got no such file in images",
        ),
        (
            {"image": "../images/IDRiD_003_train.jpg"},
            "row 5: expected the name of a file in images/, but got '../images",
        ),
        ({"image": ""}, "row 5: expected the name of a file in images/, but got ''"),
        ({"image": "IDRiD_002_train.jpg"}, "row 5: expected every photograph once, but got IDRiD_002_train.jpg again"),
    ],
    ids=str,
)
def test_rows_that_cannot_be_right_are_one_sentence(tmp_path, cells, message, capsys):
    change(raw := raw_folder(tmp_path / "raw"), **cells)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        prepare(raw, tmp_path / "out")
    capsys.readouterr()
    assert main([str(raw), str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("IDRiD was not prepared. ")


def test_a_damaged_photograph_is_named(tmp_path):
    raw = raw_folder(tmp_path / "raw")
    (raw / "images" / "IDRiD_003_train.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="IDRiD_003_train.jpg: expected a readable photograph, but got"):
        prepare(raw, tmp_path / "out")


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda mask: ~mask, r"IDRiD_01_OD.png: expected a mask of the disc that covers at most 50%"),
        (
            lambda mask: mask[:, :120],
            "IDRiD_01_OD.png: expected the proportions of its photograph, 60 x 40 px, but got 120 x",
        ),
        (lambda mask: mask * np.arange(240, dtype=np.uint8), r"IDRiD_01_OD.png: expected a mask of the disc with 0"),
    ],
)
def test_outlines_that_are_none_are_refused(tmp_path, spoil, message):
    seg = masks_folder(tmp_path / "seg", [("IDRiD_01.jpg", "IDRiD_001_train.jpg", 0.1, 7.0)])
    path = seg / "od_mask" / "IDRiD_01_OD.png"
    Image.fromarray(spoil(np.asarray(Image.open(path)))).save(path)
    with pytest.raises(ValueError, match=message):
        prepare(raw_folder(tmp_path / "raw"), tmp_path / "out", seg)


def test_one_photograph_with_two_outlines_is_refused(tmp_path):
    matches = [(f"IDRiD_0{k}.jpg", "IDRiD_001_train.jpg", 0.1, 7.0) for k in (1, 2)]
    seg = masks_folder(tmp_path / "seg", matches)
    with pytest.raises(
        ValueError, match="IDRiD_001_train.jpg: expected one certain match, but got IDRiD_02.jpg as well"
    ):
        prepare(raw_folder(tmp_path / "raw"), tmp_path / "out", seg)
