"""Photographs that change while the run reads them, names that collide, and keys that never end."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import unicodedata

import pytest
from PIL import Image

import fundus_mtl.results._picture_places as places
from fundus_mtl.photographs import scan_folder
from fundus_mtl.results import picture_name, picture_path
from fundus_mtl.results._native_names import portable
from fundus_mtl.results._picture_places import folded, folds_names

from .conftest import answer


@pytest.mark.parametrize("how", ["written", "renamed", "removed"])
def test_a_photograph_replaced_during_the_run_fails_and_is_measured_again(tmp_path, infer, rows, photograph, how):
    path = photograph(tmp_path / "in/a.png", width=120)
    photograph(tmp_path / "in/b.png", width=121)
    items = scan_folder(tmp_path / "in")

    def replace(item):
        made = answer(item)
        if item["id"] == "a.png":
            if how == "removed":
                path.unlink()
            else:
                other = photograph(tmp_path / "other.png", width=120, height=60)
                Image.effect_noise((120, 60), 9).convert("RGB").save(other)
                path.write_bytes(other.read_bytes()) if how == "written" else other.replace(path)
        return made

    infer(items, tmp_path / "out", replace)
    row = rows(tmp_path / "out/results.csv")[0]
    now = "" if how == "removed" else hashlib.sha256(path.read_bytes()).hexdigest()
    assert (row["image_id"], row["status"], row["source_sha256"]) == ("a.png", "failed", now)
    assert not (tmp_path / "out/masks/a.png.png").exists()
    if how == "removed":
        photograph(path, width=120)
    else:
        reason = "expected the file that was read at first, but it was replaced during the run; run again."
        assert row["status_reason"] == reason
    made = []
    infer(scan_folder(tmp_path / "in"), tmp_path / "out", lambda item: made.append(item["id"]) or answer(item))
    row = rows(tmp_path / "out/results.csv")[0]
    assert made == ["a.png"]
    assert (row["status"], row["source_sha256"]) == ("ok", hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_photograph_that_fails_while_it_is_copied_is_tried_again(tmp_path, infer, photograph, rows):
    """The rest of the file comes after the reader has failed: the row must not have the whole file's hash."""
    photograph(tmp_path / "in/b.png", width=121)
    whole = photograph(tmp_path / "whole.png").read_bytes()
    (tmp_path / "in/a.png").write_bytes(whole[:40])

    def arrive(item):
        if item["id"] == "a.png":
            (tmp_path / "in/a.png").write_bytes(whole)
            raise OSError("truncated")
        return answer(item)

    infer(scan_folder(tmp_path / "in"), tmp_path / "out", arrive)
    assert [row["status"] for row in rows(tmp_path / "out/results.csv")] == ["failed", "ok"]
    infer(scan_folder(tmp_path / "in"), tmp_path / "out")
    assert [row["status"] for row in rows(tmp_path / "out/results.csv")] == ["ok", "ok"]


@pytest.mark.parametrize(
    "folder", ["scan.dcm.png", "scan.dcm.jpg", "scan.dcm.PNG", "scan.dcm.nii.gz", "scan.dcm.SR.dcm"]
)
def test_a_photograph_beside_a_folder_of_its_output_s_name(tmp_path, infer, rows, photograph, folder):
    items = []
    for name, width in (("scan.dcm", 130), (f"{folder}/y.png", 140)):
        path = photograph(tmp_path / "pictures" / f"{width}.png", width=width)
        items.append({"id": name, "image": str(path)})
    infer(items, tmp_path / "out")
    assert [row["status"] for row in rows(tmp_path / "out/results.csv")] == ["ok", "ok"]
    widths = {}
    for path in (tmp_path / "out/masks").rglob("*.png"):
        with Image.open(path) as mask:
            widths[path.name] = mask.width
    assert widths == {"scan.dcm.png": 130, "y.png.png": 140}
    digits = hashlib.sha256(folder.encode()).hexdigest()[:16]
    assert picture_name(f"{folder}/y.png") == f"{folder}~{digits}/y.png"


@pytest.mark.parametrize("length", [100, 200, 201, 236, 240, 241, 255])
def test_names_of_every_length_take_every_suffix(tmp_path, length):
    name = picture_name("sub/" + "x" * length)
    assert (len(name) == length + 4) == (length <= 200)
    (tmp_path / f"{name}_artery_vein_of_the_left_eye.nii.gz").parent.mkdir()
    (tmp_path / f"{name}_artery_vein_of_the_left_eye.nii.gz").touch()


NFC, NFD = (unicodedata.normalize(form, "zoë.png") for form in ("NFC", "NFD"))


def test_equal_names_are_rows_where_the_file_system_treats_them_as_equal(
    tmp_path, infer, rows, photograph, monkeypatch
):
    names = ["CASE.png", "case.png", NFC, NFD, "other.png"]
    for index, name in enumerate(names):
        photograph(tmp_path / "in" / name, width=120 + index)
    if len(list((tmp_path / "in").iterdir())) < 5:
        pytest.skip("this file system takes some of the names for the same")
    items = scan_folder(tmp_path / "in")
    assert infer(items, tmp_path / "apart").counts == {"ok": 5, "ungradable": 0, "failed": 0}
    monkeypatch.setattr(places, "folds_names", lambda folder: True)
    infer(items, tmp_path / "out")
    found = {row["image_id"]: row for row in rows(tmp_path / "out/results.csv")}
    failed = [row["image_id"] for row in found.values() if row["status"] == "failed"]
    assert [folded(name) for name in failed] == [folded("case.png"), folded(NFC)]
    assert len(list((tmp_path / "out/masks").iterdir())) == 3
    assert "but got one like 'CASE.png', and the output folder's file system" in found["case.png"]["status_reason"]


def test_a_file_system_is_asked(tmp_path, monkeypatch):
    assert folds_names(tmp_path) is (tmp_path / "A").exists() is False
    assert list(tmp_path.iterdir()) == []
    original = type(tmp_path).exists

    def exists(path):
        return original(path) or any(folded(path.name) == folded(other.name) for other in path.parent.iterdir())

    monkeypatch.setattr(type(tmp_path), "exists", exists)
    assert folds_names(tmp_path)


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1", "utf-8"])
def test_results_have_the_same_names_in_every_locale(tmp_path, monkeypatch, encoding):
    monkeypatch.setattr(os, "fsencode", lambda name: os.fspath(name).encode(encoding, "surrogateescape"))
    monkeypatch.setattr(os, "fsdecode", lambda name: name.decode(encoding, "surrogateescape"))
    for name in (NFC, "眼.png", "plain.png"):
        path = picture_path(tmp_path, "masks", name).relative_to(tmp_path)
        assert os.fsencode(path) == f"masks/{name}.png".encode()
        assert portable(path.as_posix()) == f"masks/{name}.png"


def test_a_run_in_an_ascii_locale_writes_every_name(tmp_path):
    """Python itself, with the bytes of names that its locale has no letters for."""
    code = (
        "import os, sys; from pathlib import Path; from fundus_mtl.photographs import scan_folder\n"
        "from fundus_mtl.results._picture_paths import picture_path\n"
        "from fundus_mtl.results._picture_places import PicturePlaces\n"
        "assert sys.getfilesystemencoding() == 'ascii'\n"
        "root = Path(sys.argv[1]); item, = scan_folder(root / 'in'); name = item['id']; assert name == '\\u773c.png'\n"
        "PicturePlaces(root, [name]).check(name)\n"
        "path = picture_path(root, 'masks', name); path.parent.mkdir(); path.write_bytes(Path(item['image']).read_bytes())\n"
    )
    (tmp_path / "in").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "in" / "眼.png")
    ascii_only = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env={**os.environ, **ascii_only}, check=True, timeout=120
    )
    assert (tmp_path / "masks" / "眼.png.png").is_file()


def test_an_error_that_quotes_a_name_which_is_not_utf8(tmp_path, infer, rows, photograph):
    photograph(tmp_path / "in/a.png")
    photograph(tmp_path / "in/b.png")

    def fail(item):
        if item["id"] == "a.png":
            raise ValueError("expected a picture, but got caf\udce9.png")
        return answer(item)

    infer(scan_folder(tmp_path / "in"), tmp_path / "out", fail)
    row = rows(tmp_path / "out/results.csv")[0]
    assert row["status_reason"] == "expected a picture, but got caf\\udce9.png"


@pytest.mark.parametrize("kind", ["/dev/zero", "pipe", "folder", "large", "short"])
def test_a_key_is_a_small_file(tmp_path, make, photograph, kind):
    photograph(tmp_path / "in/a.png")
    path = tmp_path / kind.strip("/")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind in ("large", "short"):
        path.write_bytes(b"k" * (5000 if kind == "large" else 3))
    else:
        path = kind
    with pytest.raises(ValueError, match="^id_key_file: expected a (file|secret)"):
        make(scan_folder(tmp_path / "in"), tmp_path / "out", id_mode="hash", id_key_file=path)
