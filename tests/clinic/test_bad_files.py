"""The real command on every bad file: a row each, and the good ones byte for byte as in a clean run."""

from __future__ import annotations

import os
import struct
import unicodedata
import zlib

import numpy as np
import pytest
from PIL import Image
from pydicom.uid import generate_uid

from fundus_mtl.cli import main
from fundus_mtl.results import VOLATILE_COLUMNS
from tests.clinic.conftest import ANYWAY, fundus, rows, save_fundus
from tests.photographs.dicom_files import dicom, save

NFC, NFD = (unicodedata.normalize(form, "zoë.png") for form in ("NFC", "NFD"))
GOOD = ["eye.jpg", "eye.png", "sub/eye.jpg", "a.b.c.png", " x .png", NFC, NFD, "'q\".png", "new\nline.png", "-rf.png"]
GOOD += ["=cmd().png", "a#2.png", "<b>&amp;.png", "volume.dcm"]


@pytest.fixture
def folder(tmp_path):
    for index, name in enumerate(GOOD[:-1]):
        save_fundus(tmp_path / "in" / name, width=90 + index, seed=index)
    save(tmp_path / "in" / GOOD[-1], dicom(fundus()))
    return tmp_path / "in"


def header_bomb(path):
    """Write a PNG of a few bytes that says it is 60000 px wide and high."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)))


def add_bad_files(folder):
    """Add those that fail; return their ids."""
    whole, slices = (folder / "eye.jpg").read_bytes(), (folder / "volume.dcm").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "truncated.dcm").write_bytes(slices[:-500])
    (folder / "empty.png").touch()
    (folder / "empty.dcm").touch()
    (folder / "text.png").write_text("no picture")
    (folder / "text.nii.gz").write_text("no picture")
    (folder / "folder.png").mkdir()
    (folder / "broken link.png").symlink_to("nothing.png")
    (folder / "circle.png").symlink_to("circle.png")
    save_fundus(folder.parent / "secret.png")
    (folder / "outside link.png").symlink_to(folder.parent / "secret.png")
    header_bomb(folder / "bomb.png")
    Image.new("F", (20, 10)).save(folder / "float.tif")
    save(folder / "bomb.dcm", dicom(fundus(), Rows=60000, Columns=60000))
    save(folder / "tomography.dcm", dicom(fundus(), kind="1.2.840.10008.5.1.4.1.1.77.1.5.4", Modality="OPT"))
    save(folder / "no pixels.dcm", dicom(b"", Rows=60, Columns=90, SeriesInstanceUID=generate_uid()))
    os.mkfifo(folder / "pipe.png")
    bad = {path.name for path in folder.iterdir()} - {name.split("/")[0] for name in GOOD}
    return bad | {"broken link.png", "circle.png"}


def add_odd_files(folder):
    """Add those that are photographs of something else, or of nothing."""
    Image.new("RGB", (1, 1)).save(folder / "one.png")
    Image.new("RGB", (120, 60)).save(folder / "black.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 120, 3), np.uint8)).save(folder / "noise.png")
    Image.fromarray(np.full((60, 120, 3), (0, 128, 255), np.uint8)).save(folder / "holiday.png")
    Image.fromarray(fundus()).convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(fundus()).convert("RGBA").save(folder / "rgba.png")
    Image.fromarray(fundus()).convert("L").save(folder / "grey.png")
    Image.fromarray(fundus()).quantize(16).save(folder / "palette.png")
    Image.fromarray(fundus()[..., 0].astype(np.uint16) * 200).save(folder / "16 bit.png")
    modes = {"cmyk.jpg", "rgba.png", "grey.png", "palette.png", "16 bit.png"}
    return modes | {"one.png", "black.png", "noise.png", "holiday.png"}


def table(out):
    kept = ({k: v for k, v in row.items() if k not in VOLATILE_COLUMNS} for row in rows(out / "results.csv"))
    return {row["image_id"].removeprefix("'"): row for row in kept}


def test_bad_files_are_rows_and_harm_nobody(folder, weights, tmp_path):
    given = ["--weights", str(weights), *ANYWAY]
    assert main(["infer", str(folder), str(tmp_path / "clean"), *given]) == 0
    clean, bad, odd = table(tmp_path / "clean"), add_bad_files(folder), add_odd_files(folder)
    assert main(["infer", str(folder), str(tmp_path / "out"), *given]) == 3
    found = table(tmp_path / "out")
    assert len(clean) == len(GOOD)
    assert set(found) == set(clean) | bad | odd
    assert {name for name, row in found.items() if row["status"] == "failed"} == bad
    assert all(row["status_reason"] for name, row in found.items() if name in bad)
    assert {row["status"] for name, row in found.items() if name in odd} <= {"ok", "ungradable"}
    assert {found[name]["gradable"] for name in ("one.png", "black.png", "noise.png", "holiday.png")} == {"no"}
    assert {name: found[name] for name in clean} == clean
    made = [path for path in sorted((tmp_path / "clean").rglob("*/*")) if path.is_file()]
    assert len(made) >= 2 * len(GOOD)
    for path in made:
        other = tmp_path / "out" / path.relative_to(tmp_path / "clean")
        assert other.read_bytes() == path.read_bytes()


def test_every_row_has_its_own_pictures(folder, weights, tmp_path):
    main(["infer", str(folder), str(tmp_path / "out"), "--weights", str(weights), *ANYWAY])
    masks = [path for path in (tmp_path / "out/masks").rglob("*.png")]
    assert len(masks) == len(GOOD) == len(rows(tmp_path / "out/results.csv"))
    assert not any(
        cell.startswith(("=", "+", "@")) for row in rows(tmp_path / "out/results.csv") for cell in row.values()
    )
    report = (tmp_path / "out/report.html").read_text()
    assert "<b>&amp;.png" not in report
