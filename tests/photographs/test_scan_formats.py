"""Folders and lists with DICOM and volumes: every frame and every row is an item, or an error with its reason."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import UID, JPEGBaseline8Bit

from fundus_mtl.data import plain_reason
from fundus_mtl.photographs import (
    FundusReader,
    UnreadableImageError,
    find_photographs,
    photograph_file,
    scan_folder,
    scan_list,
)
from tests.photographs.dicom_files import CANARY, compressed, dicom, jpeg, save

FRAME = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
FRAMES = np.stack([FRAME + level for level in range(11)])


def photograph(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(FRAME).save(path, format="png")
    return path


def by_id(items: list[dict[str, str]]) -> dict[str, str | None]:
    assert len({item["id"] for item in items}) == len(items)
    return {item["id"]: item.get("error") for item in items}


def test_frames_are_items_in_their_own_order(tmp_path: Path) -> None:
    photograph(tmp_path / "x.dcm.png")
    save(tmp_path / "sub/x.dcm", dicom(FRAMES))
    save(tmp_path / "sub/one.DCM", dicom(FRAME))
    items = scan_folder(tmp_path)
    assert [item["id"] for item in items] == [
        "sub/one.DCM",
        *(f"sub/x.dcm#{frame}" for frame in range(1, 12)),
        "x.dcm.png",
    ]
    assert [item["image"] for item in items] == [str(tmp_path / item["id"]) for item in items]
    for number, item in enumerate(items[1:12]):
        np.testing.assert_array_equal(FundusReader()(item["image"]).transpose(1, 2, 0), FRAMES[number])
        assert photograph_file(item["image"]) == tmp_path / "sub/x.dcm"
    assert photograph_file(items[0]["image"]) == tmp_path / "sub/one.DCM"


def test_pixels_are_not_decoded(tmp_path: Path) -> None:
    frame = b"no code stream"
    save(tmp_path / "x.dcm", compressed([frame] * 11, (4, 6), "YBR_FULL_422", JPEGBaseline8Bit))
    assert len(scan_folder(tmp_path)) == 11


@pytest.mark.parametrize("made", [dicom(FRAMES), compressed([jpeg(FRAME)] * 11, (4, 6), "RGB", JPEGBaseline8Bit)])
def test_frames_that_are_missing_are_one_failed_row(tmp_path: Path, made: Dataset) -> None:
    """A header that names 500 frames must not make 500 rows, of which 489 show nothing."""
    made.NumberOfFrames = 500
    path = save(tmp_path / "x.dcm", made)
    assert by_id(scan_folder(tmp_path)) == {
        "x.dcm": "expected 500 frames, but got a file that holds 11; copy it again."
    }
    with pytest.raises(UnreadableImageError, match="expected 500 frames|expected 36000 bytes"):
        FundusReader()(f"{path}#1")
    made.NumberOfFrames = 11
    assert len(scan_folder(save(tmp_path / "x.dcm", made).parent)) == 11


def test_other_objects_are_failed_rows_without_identity(tmp_path: Path) -> None:
    photograph(tmp_path / "x.png")
    save(tmp_path / "seg.dcm", dicom(FRAME, kind=UID("1.2.840.10008.5.1.4.1.1.66.4"), Modality="SEG"))
    save(tmp_path / "bomb.dcm", dicom(FRAME, NumberOfFrames=1001))
    (tmp_path / "text.dcm").write_text("no DICOM")
    items = scan_folder(tmp_path)
    assert by_id(items) == {
        "bomb.dcm": "expected 1 to 1000 frames, but got 1001; split the file.",
        "seg.dcm": "expected a DICOM photograph, but got another kind of object (Segmentation Storage).",
        "text.dcm": None,  # the reader says why
        "x.png": None,
    }
    assert CANARY not in str(items)
    with pytest.raises(
        UnreadableImageError, match=r"^text\.dcm: expected JPEG, PNG, TIFF, BMP, DICOM, NIfTI, mha or nrrd"
    ):
        FundusReader()(tmp_path / "text.dcm")


def test_files_of_any_name_are_photographs_by_content(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("IM000001", "1.2.840.113619.2.5", "DICOMDIR", "sub/dicomdir", "x.doe_john"):
        save(tmp_path / name, dicom(FRAME))
    save(tmp_path / "INDEX", dicom(FRAME, kind=UID("1.2.840.10008.1.3.10")))
    (tmp_path / "README").write_text("text " * 100)
    (tmp_path / "short").write_bytes(b"DICM")
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for ever
    outside = save(tmp_path.parent / "outside" / "IM2", dicom(FRAME))
    (tmp_path / "link").symlink_to(outside)
    with caplog.at_level("INFO"):
        found = scan_folder(tmp_path)
    assert by_id(found) == {"1.2.840.113619.2.5": None, "IM000001": None, "x.doe_john": None}
    assert caplog.messages == ["7 files skipped: 7 without extension"]
    assert found.skipped == {"without extension": 7}
    with pytest.raises(ValueError, match="but got none"):
        scan_folder(tmp_path, extensions=(".png",))


def test_multiple_suffixes_and_detached_headers(tmp_path: Path) -> None:
    for name in ("a.nii.gz", "b.NII.GZ", "c.nii", "d.mha", "e.nrrd", "f.mhd", "g.tar.gz", "h.gz"):
        (tmp_path / name).touch()
    assert list(by_id(scan_folder(tmp_path))) == ["a.nii.gz", "b.NII.GZ", "c.nii", "d.mha", "e.nrrd", "f.mhd"]


def test_a_file_named_like_a_frame_is_no_frame(tmp_path: Path) -> None:
    """The reader would open the file of the literal name: another picture than the row says."""
    save(tmp_path / "IM", dicom(FRAMES[:2]))
    save(tmp_path / "IM#2", dicom(FRAME))
    errors = by_id(scan_folder(tmp_path))
    assert list(errors) == ["IM", "IM#2"]
    assert "a file named like one" in str(errors["IM"])


# ------------------------------------------------------------------------------------------------------------- lists


def table(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("delimiter, end", [(",", "\n"), (";", "\r\n"), ("\t", "\n")])
def test_list_of_every_dialect(tmp_path: Path, encoding: str, delimiter: str, end: str) -> None:
    for name in ("in/é x.png", "in/b.png", "c.png"):
        photograph(tmp_path / name)
    rows = [["Path", "ID", "laterality", "MM_PER_PX"], ["in/é x.png", "", "od", "0.01"], ["", "", "", ""]]
    rows += [["./in/../in/b.png", "eye 7", "L", "0.01 0.02"], [" c.png ", "", "", ""]]
    path = table(tmp_path / "list.csv", end.join(delimiter.join(row) for row in rows), encoding)
    assert scan_list(path) == [
        {"id": "in/é x.png", "image": f"{tmp_path}/in/é x.png", "laterality": "R", "mm_per_px": (0.01, 0.01)},
        {"id": "eye 7", "image": f"{tmp_path}/in/../in/b.png", "laterality": "L", "mm_per_px": (0.01, 0.02)},
        {"id": "c.png", "image": f"{tmp_path}/c.png"},
    ]
    assert all(FundusReader()(item["image"]).shape == (3, 4, 6) for item in scan_list(str(path)))


def test_ids_hide_folders_and_are_different(tmp_path: Path) -> None:
    for name in ("DOE_JOHN/eye.png", "ROE/eye.png", "list/eye.png", "list/a/eye.png"):
        photograph(tmp_path / name)
    lines = [f"{tmp_path}/DOE_JOHN/eye.png", f"{tmp_path}/ROE/eye.png", "eye.png", f"{tmp_path}/list/a/eye.png"]
    items = scan_list(table(tmp_path / "list/list.csv", "\n".join(["image", *lines])))
    assert [item["id"] for item in items] == ["eye.png", "eye.png (line 3)", "eye.png (line 4)", "a/eye.png"]
    assert all("error" not in item for item in items)
    assert [Path(item["image"]).resolve() for item in items] == [
        tmp_path / name for name in ("DOE_JOHN/eye.png", "ROE/eye.png", "list/eye.png", "list/a/eye.png")
    ]


def test_no_row_is_lost_to_an_id_like_ours(tmp_path: Path) -> None:
    for name in ("x.png", "y.png", "z.png"):
        photograph(tmp_path / name)
    rows = "id,path\na,x.png\na (line 4),y.png\na,z.png\n"
    assert list(by_id(scan_list(table(tmp_path / "l.csv", rows)))) == ["a", "a (line 4)", "a (line 4) (line 4)"]


def test_ids_that_are_one_path_are_different_and_stay_inside(tmp_path: Path) -> None:
    """``a``, ``./a`` and ``a/`` would name one mask."""
    for name in ("1.png", "2.png", "3.png", "4.png"):
        photograph(tmp_path / name)
    items = scan_list(table(tmp_path / "list.csv", "id,path\na,1.png\n./a,2.png\na/,3.png\nb//c/,4.png\n"))
    assert [item["id"] for item in items] == ["a", "a (line 3)", "a (line 4)", "b/c"]
    assert not any("error" in item for item in items)


@pytest.mark.parametrize(
    "written, side", [("O.D.", "R"), ("Right ", "R"), ("os", "L"), ("Unknown", None), ("OU", "error")]
)
def test_the_eye_is_read_as_in_datalists(tmp_path: Path, written: str, side: str | None) -> None:
    photograph(tmp_path / "1.png")
    (item,) = scan_list(table(tmp_path / "list.csv", f"path,laterality\n1.png,{written}\n"))
    assert item.get("laterality") == (None if side == "error" else side)
    assert ("error" in item) == (side == "error")
    assert "OU" not in item.get("error", "")


def test_bad_rows_are_items(tmp_path: Path) -> None:
    photograph(tmp_path / "secret.png")
    photograph(tmp_path / "in/x.png")
    for name in ("y.png", "z.png", "u.png", "v.png", "w.png"):
        photograph(tmp_path / "in" / name)
    (tmp_path / "in/folder.png").mkdir()
    os.mkfifo(tmp_path / "in/pipe.png")
    (tmp_path / "in/out.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "in/loop.png").symlink_to(tmp_path / "in/loop.png")
    rows = ["x.png,,,", "./x.png,,,", "none.png,,,", "folder.png,,,", "pipe.png,,,", "../secret.png,,,", "out.png,,,"]
    rows += ["loop.png,,,", ",name,,", "y.png,/etc/x,,", "z.png,../z,,", "u.png,,both,", "v.png,,,-1", "w.png,,,0,1"]
    rows += [f"{tmp_path}/secret.png,,,", "bad\0name.png,,,", "a" * 300 + ".png,,,"]
    errors = by_id(scan_list(table(tmp_path / "in/list.csv", "\n".join(["path,id,laterality,mm_per_px", *rows]))))
    out = "a path that leads out of the list's folder; give it as an absolute path"
    assert errors.pop("secret.png (line 16)") is None
    assert errors.pop("x.png") is None
    assert "as x and y" in str(errors.pop("v.png"))
    assert "as x and y" in str(errors.pop("w.png"))  # 0: a decimal comma takes quotes in a list with commas
    assert "laterality R or L" in str(errors.pop("u.png"))
    assert "relative path or a word as id" in str(errors.pop("y.png"))
    assert "relative path or a word as id" in str(errors.pop("z.png"))
    assert errors.pop("a" * 300 + ".png")
    assert errors.pop("loop.png")
    assert errors == {
        "x.png (line 3)": "expected each photograph once, but got the one of line 2 again; remove a line",
        "none.png": "there is no such file; check the path",
        "folder.png": "a folder, not a file",
        "pipe.png": "not a regular file",
        "secret.png": out,
        "out.png": out,
        "line 10": "expected a path, but got an empty or broken cell",
        "line 17": "expected a path, but got an empty or broken cell",
    }


def test_frames_in_lists(tmp_path: Path) -> None:
    save(tmp_path / "x.dcm", dicom(FRAMES[:2]))
    save(tmp_path / "y.dcm", dicom(FRAMES[:3]))
    items = scan_list(table(tmp_path / "l.csv", "path,id\nx.dcm,p\ny.dcm#3,\nx.dcm#1,\ny.dcm#4,\n"))
    assert by_id(items) == {
        "p#1": None,
        "p#2": None,
        "y.dcm#3": None,
        "x.dcm#1": "expected each photograph once, but got the one of line 2 again; remove a line",
        "y.dcm#4": None,  # the reader says that there are only three
    }
    np.testing.assert_array_equal(FundusReader()(items[2]["image"]).transpose(1, 2, 0), FRAMES[2])


def test_lists_that_are_none_are_refused_in_one_sentence(tmp_path: Path) -> None:
    for text, encoding, message in (
        ("a.png\nb.png\n", "utf-8", "expected a column path or image in the first line"),
        ("", "utf-8", "expected a column path or image"),
        ("path\n", "utf-8", "but got a list without rows"),
        ("path\né.png\n", "latin-1", "expected a CSV in UTF-8, but got .*UnicodeDecodeError"),
        ('path\n"a.png\n', "utf-8", "expected a CSV in UTF-8, but got .*[(]Error"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            scan_list(table(tmp_path / "l.csv", text, encoding))
        assert "a.png" not in str(caught.value)
    with pytest.raises(FileNotFoundError, match="expected a list of photographs"):
        scan_list(tmp_path / "none.csv")


def test_one_entry_for_folders_and_lists(tmp_path: Path) -> None:
    photograph(tmp_path / "in/x.png")
    photograph(tmp_path / "in/out/y.png")
    path = table(tmp_path / "in/LIST.CSV", "path\nx.png\n")
    assert find_photographs(path) == scan_list(path) == scan_folder(tmp_path / "in", exclude=tmp_path / "in/out")
    assert find_photographs(str(tmp_path / "in"), exclude=[tmp_path / "in/out"]) == scan_list(path)
    assert len(find_photographs(tmp_path / "in")) == 2
    with pytest.raises(NotADirectoryError, match="not a folder"):
        find_photographs(tmp_path / "in/x.png")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        find_photographs(tmp_path / "none.csv")


def test_impossible_names_of_frames(tmp_path: Path) -> None:
    for name in (".#1", "#1", "a" * 300 + "#1", "bad\0#1"):
        assert photograph_file(tmp_path / name) == tmp_path / name


def test_reasons_of_lists_stay_readable(tmp_path: Path) -> None:
    (item,) = scan_list(table(tmp_path / "l.csv", "id,path\nx,\n"))
    assert plain_reason(ValueError(item["error"]), item) == "expected a path, but got an empty or broken cell"


def test_reasons_do_not_repeat_the_files_name(tmp_path: Path) -> None:
    """A row names its file, or hides it."""
    (tmp_path / "DOE.dcm").write_text("no DICOM")
    item = {"id": "ab12", "image": str(tmp_path / "DOE.dcm")}
    with pytest.raises(UnreadableImageError) as caught:
        FundusReader()(item["image"])
    assert plain_reason(caught.value, item).startswith("expected JPEG, PNG")
