"""No name, and nothing else of a file but its pixels and three facts, gets out."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path

import pytest
from monai.transforms import Compose, Lambda
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from fundus_mtl.photographs import scan_folder
from fundus_mtl.results import NothingUsableError
from fundus_mtl.results._pseudonyms import without_names

from .conftest import answer

CANARY = "DOE_JOHN_1961"
NAMES = (f"{CANARY}.png", f"{CANARY} visit/{CANARY} OD.jpg", f"{CANARY}'s\nsecond\".png", f"{CANARY}/Ünal_{CANARY}.tif")


@pytest.fixture
def folder(tmp_path, photograph):
    """Names of patients in files, folders, EXIF and text chunks; a truncated file, a text and a broken link."""
    folder = tmp_path / f"{CANARY} surgery"
    for name in NAMES:
        photograph(folder / name)
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = f"Patient {CANARY}", CANARY
    Image.new("RGB", (120, 60), (150, 60, 20)).save(folder / NAMES[1], exif=exif, comment=CANARY.encode())
    text = PngInfo()
    text.add_text("Patient", CANARY)
    Image.new("RGB", (120, 60), (150, 60, 20)).save(folder / NAMES[0], pnginfo=text)
    (folder / f"truncated {CANARY}.jpg").write_bytes((folder / NAMES[1]).read_bytes()[:300])
    (folder / f"{CANARY}.bmp").write_text(CANARY)
    (folder / f"{CANARY} link.png").symlink_to(f"{CANARY}.gone")
    return folder


def native(item):
    """As the bundles read: MONAI wraps what the reader raises."""
    return Compose([Lambda(answer)])(item)


def everything(output: Path) -> bytes:
    """Names and bytes of all that was written."""
    return b"\n".join(
        str(path.relative_to(output)).encode() + b"\n" + (path.read_bytes() if path.is_file() else b"")
        for path in sorted(output.rglob("*"))
    )


def leaks(text: bytes) -> list[bytes]:
    text = re.sub(rb"[0-9a-f]{32,}", b"", text)  # random pseudonyms and hashes contain 1961 once in some hundred runs
    parts = {CANARY, "DOE", "JOHN", "1961", "Ünal", "visit", "surgery", "truncated ", "second", "gone"}
    return [part.encode() for part in parts if part.encode() in text]


@pytest.mark.parametrize("key", [None, "keys/secret.txt"])
def test_pseudonyms_let_no_name_out(folder, tmp_path, infer, rows, caplog, capfd, key):
    options = {"id_mode": "hash", "id_key_file": None if key is None else tmp_path / key}
    with caplog.at_level(logging.INFO):  # at DEBUG Pillow itself quotes EXIF
        results = infer(scan_folder(folder), tmp_path / "out", native, **options)
    assert results.counts == {"ok": 4, "ungradable": 0, "failed": 3}
    printed = capfd.readouterr()
    assert not leaks(everything(tmp_path / "out") + (caplog.text + printed.out + printed.err).encode())
    found = rows(tmp_path / "out/results.csv")
    assert all(re.fullmatch("[0-9a-f]{32}", row["image_id"]) and row["source_relpath"] == "" for row in found)
    assert [row["image_id"] for row in found] == sorted(row["image_id"] for row in found)  # no order of the names
    assert all(row["status_reason"] for row in found if row["status"] == "failed")
    assert sorted(row["laterality"] for row in found if row["status"] == "ok") == ["L", "L", "L", "R"]  # OD in a name
    assert not (tmp_path / "out/.id_key").exists()


def test_the_users_key_gives_the_same_names_again_and_another_other_ones(folder, tmp_path, infer, rows):
    def names(output, key):
        infer(scan_folder(folder), tmp_path / output, id_mode="hash", id_key_file=key)
        return [row["image_id"] for row in rows(tmp_path / output / "results.csv")]

    key = tmp_path / "keys/secret.txt"
    first = names("a", key)
    assert key.stat().st_mode & 0o777 == 0o600
    assert names("b", key) == first
    assert names("a", key) == first  # resumes with nothing left to measure
    assert not set(names("c", tmp_path / "keys/other.txt")) & set(first)
    assert not set(names("d", None)) & set(first)
    (tmp_path / "keys/short.txt").write_text("1234")
    with pytest.raises(ValueError, match="expected a secret of at least 16 bytes, but got 4"):
        names("e", tmp_path / "keys/short.txt")
    with pytest.raises(ValueError, match="expected a file outside of the output folder"):
        names("e", tmp_path / "e/key")


def test_a_stopped_run_with_a_key_of_its_own_goes_on_and_a_complete_one_cannot(folder, tmp_path, infer, make):
    calls = []

    def interrupted(item):
        calls.append(item)
        if len(calls) == 3:
            raise TypeError(f"a mistake with {item['image']}")
        return answer(item)

    with pytest.raises(TypeError):
        infer(scan_folder(folder), tmp_path / "out", interrupted, id_mode="hash")
    assert json.loads((tmp_path / "out/run.json").read_text())["reason"] == "TypeError"
    assert not leaks(everything(tmp_path / "out"))
    results = infer(scan_folder(folder), tmp_path / "out", id_mode="hash")
    assert results.counts == {"ok": 4, "ungradable": 0, "failed": 3}
    with pytest.raises(ValueError, match="but got a complete run, whose key is destroyed; set overwrite"):
        make(scan_folder(folder), tmp_path / "out", id_mode="hash")


def test_the_first_reason_has_no_name(tmp_path, make):
    items = [{"id": f"{CANARY}.png", "image": f"/in/{CANARY}.png"}]
    results = make(items, tmp_path / "out", id_mode="hash")
    results.start()
    results.fail(results.pending[0], "read", OSError(f"{CANARY}.png: no good, and /in/{CANARY}.png is worse"))
    with pytest.raises(NothingUsableError) as caught:
        results.finish()
    assert not leaks(str(caught.value).encode())


@pytest.mark.parametrize(
    "text, clean",
    [
        ("/in/a b/x.png: bad", "*: bad"),
        ("x.png: bad", "*: bad"),
        ("'a b' of x", "'*' of *"),
        ("an extra axis", "an extra axis"),  # x is a name here, and a letter there
    ],
)
def test_names_are_cut_out_of_messages(text, clean):
    assert without_names(text, {"image": "/in/a b/x.png", "source": "a b/x.png"}, "*") == clean


def test_letters_burned_in_are_not_shown(folder, tmp_path, infer, rows):
    def facts(path):
        return {"laterality": "unknown", "mm_per_px": None, "burned_in": "yes" if path.endswith(".tif") else "no"}

    infer(scan_folder(folder), tmp_path / "out", of_file=facts)
    burned = f"{CANARY}/Ünal_{CANARY}.tif"
    flags = {row["image_id"]: row["flags"] for row in rows(tmp_path / "out/results.csv") if row["status"] == "ok"}
    assert [name for name, flag in flags.items() if "burned_in_annotation" in flag.split(";")] == [burned]
    assert (tmp_path / f"out/masks/{burned}.png").exists()
    assert not (tmp_path / f"out/overlays/{burned}.jpg").exists()
    html = (tmp_path / "out/report.html").read_text()
    assert html.count('href="overlays/') == html.count("data:image/jpeg") == 3
    infer(scan_folder(folder), tmp_path / "forced", of_file=facts, export_burned_in=True)
    assert (tmp_path / f"forced/overlays/{burned}.jpg").exists()
    assert (tmp_path / "forced/results.csv").read_text().count("burned_in_annotation") == 1


def test_only_three_facts_of_a_file_are_used(folder, tmp_path, infer):
    def facts(path):
        return {"laterality": "R", "mm_per_px": (0.01, 0.01), "burned_in": "no", "PatientName": "ZXQ^CANARY"}

    infer(scan_folder(folder), tmp_path / "out", of_file=facts)
    assert b"ZXQ" not in everything(tmp_path / "out")


def test_the_mode_is_one_of_two(tmp_path, make):
    with pytest.raises(ValueError, match="id_mode: expected name or hash, but got 'md5'"):
        make([], tmp_path / "out", id_mode="md5")


def test_pictures_carry_no_metadata(folder, tmp_path, infer):
    infer(scan_folder(folder), tmp_path / "out", id_mode="hash")
    for path in [*(tmp_path / "out/overlays").iterdir(), *(tmp_path / "out/masks").iterdir()]:
        with Image.open(path) as picture:
            picture.load()
            assert not picture.getexif()
            assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
