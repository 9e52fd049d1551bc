"""What is opened at all, how much of it is read, and how its name is printed."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fundus_mtl.data import plain_reason
from fundus_mtl.files import printable
from fundus_mtl.photographs import FundusReader, UnreadableImageError, scan_folder, scan_list
from fundus_mtl.photographs._source import MAX_BYTES, whole_bytes
from tests.photographs.dicom_files import dicom, save

PIXELS = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def photograph(path: Path, kind: str = "PNG") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(PIXELS).save(path, kind)
    return path


def special(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "eye.png"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind(str(path))
    else:
        path.symlink_to(kind)
    return path


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("kind", ["pipe", "socket", "/dev/zero", "/dev/null", "/dev/random", "/dev/stdin", "/dev/tty"])
@pytest.mark.parametrize("ask", [FundusReader(), FundusReader("mask"), FundusReader().facts])
def test_only_regular_files_are_opened(tmp_path: Path, kind: str, ask: object) -> None:
    """A pipe would wait for its other end, and /dev/zero has none."""
    path, start = special(tmp_path, kind), time.monotonic()
    with pytest.raises(UnreadableImageError, match=r"^eye\.png: expected"):
        ask(path)  # type: ignore[operator]
    assert time.monotonic() - start < 1


def test_a_device_is_not_even_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening some devices has an effect."""
    opened: list[object] = []
    monkeypatch.setattr("fundus_mtl.photographs._source.os.open", lambda *given: opened.append(given))
    with pytest.raises(UnreadableImageError, match="expected a regular file"):
        FundusReader()(special(tmp_path, "/dev/zero"))
    assert opened == []


def test_a_pipe_that_takes_the_place_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look at the name and the opening: the open file is looked at too."""
    path = special(tmp_path, "pipe")
    regular = photograph(tmp_path / "other.png").stat()
    monkeypatch.setattr("fundus_mtl.photographs._source.os.stat", lambda _: regular)
    with pytest.raises(UnreadableImageError, match="expected a regular file, but got a pipe"):
        FundusReader()(path)


def test_huge_files_are_refused_unread(tmp_path: Path) -> None:
    path = photograph(tmp_path / "eye.png")
    with path.open("r+b") as file:
        file.truncate(2**40)  # a hole
    start = time.monotonic()
    with pytest.raises(UnreadableImageError, match=f"^eye.png: expected a file of at most {MAX_BYTES} bytes, but got"):
        FundusReader()(path)
    assert time.monotonic() - start < 1
    assert whole_bytes(photograph(tmp_path / "b.png"), (tmp_path / "b.png").stat().st_size)
    with pytest.raises(UnreadableImageError, match="at most 10 bytes"):
        whole_bytes(tmp_path / "b.png", 10)


def test_a_file_that_grows_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = photograph(tmp_path / "eye.png")
    before = path.stat()
    with path.open("ab") as file:
        file.write(b"more")
    monkeypatch.setattr("fundus_mtl.photographs._source.os.fstat", lambda _: before)
    with pytest.raises(UnreadableImageError, match="expected a file at rest"):
        FundusReader()(path)


@pytest.mark.parametrize("made", ["png", "dcm"])
def test_the_hash_is_that_of_the_bytes_that_were_decoded(tmp_path: Path, made: str, monkeypatch) -> None:
    """Each file is opened once, and replaced as soon as it has been read."""
    path = photograph(tmp_path / "a") if made == "png" else save(tmp_path / "a", dicom(PIXELS))
    data, calls = path.read_bytes(), []

    def once(name: Path, *limits: int) -> bytes:
        calls.append(name)
        read = whole_bytes(name, *limits)
        photograph(path, "BMP")
        return read

    monkeypatch.setattr("fundus_mtl.photographs._reader.whole_bytes", once)
    found = FundusReader().read(path)
    np.testing.assert_array_equal(found.pixels.transpose(1, 2, 0), PIXELS)
    assert found.sha256 == hashlib.sha256(data).hexdigest() != hashlib.sha256(path.read_bytes()).hexdigest()
    assert FundusReader().get_data(found)[1]["sha256"] == found.sha256
    assert calls == [path]


@pytest.mark.parametrize("most", [float("nan"), float("inf"), 0, -5, 1.5, "80"])
def test_the_limit_of_pixels_is_a_whole_number(most: object) -> None:
    with pytest.raises(ValueError, match="^max_pixels: expected a whole number from 1, but got"):
        FundusReader(max_pixels=most)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------------ content


def test_photographs_of_every_name_are_found(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = {
        "a.jfif": "JPEG",
        "b.jpe": "JPEG",
        "c": "JPEG",
        "d.PNG_": "PNG",
        "e.jpg.bak": "TIFF",
        "f.dib": "BMP",
        "g.txt": "PNG",
    }
    for name, kind in names.items():
        photograph(tmp_path / name, kind)
    save(tmp_path / "h.ima", dicom(PIXELS))
    save(tmp_path / "two.IMA", dicom(np.stack([PIXELS, PIXELS])))
    (tmp_path / "i.mha2").write_bytes(b"ObjectType = Image\nNDims = 2\n")
    for name, data in {
        "notes.txt": b"BM is not a bitmap by its first two letters alone",
        "table.csv": b"II*1,MM",
        "animation.gif": b"GIF89a",
        "archive.zip": b"PK\3\4",
        "film.mp4": b"\0\0\0\x18ftyp",
        "empty": b"",
        ".hidden.jpe": b"\xff\xd8\xff\xe0",
        "Thumbs.db": b"\xd0\xcf\x11\xe0",
    }.items():
        (tmp_path / name).write_bytes(data)
    with caplog.at_level("INFO"):
        found = scan_folder(tmp_path)
    assert [item["id"] for item in found] == [*names, "h.ima", "i.mha2", "two.IMA#1", "two.IMA#2"]
    assert all("error" not in item for item in found)
    for item in found:
        if not item["id"].startswith("i."):
            assert FundusReader()(item["image"]).shape == (3, 4, 6)
    assert found.skipped == {
        ".csv": 1,
        ".gif": 1,
        ".mp4": 1,
        ".txt": 1,
        ".zip": 1,
        "hidden": 1,
        "of another extension": 1,
        "without extension": 1,
    }
    assert sum(found.skipped.values()) == 8
    assert "8 files skipped: " in caplog.text
    assert [item["id"] for item in scan_folder(tmp_path, extensions=(".ima",))] == ["h.ima", "two.IMA#1", "two.IMA#2"]


def test_nothing_is_opened_that_must_not_be(tmp_path: Path) -> None:
    """Also without a telling name: a pipe, and a link that leads out of the folder."""
    photograph(tmp_path / "secret")
    photograph(tmp_path / "in/eye.png")
    os.mkfifo(tmp_path / "in/pipe")
    (tmp_path / "in/link").symlink_to(tmp_path / "secret")
    (tmp_path / "in/inside").symlink_to(tmp_path / "in/eye.png")
    found = scan_folder(tmp_path / "in")
    assert [item["id"] for item in found] == ["eye.png", "inside"]
    assert found.skipped == {"without extension": 2}


# --------------------------------------------------------------------------------------------------------------- lists


def table(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_ids_that_are_one_path_are_kept_apart(tmp_path: Path) -> None:
    for name in ("1.png", "2.png", "3.png", "4.png", "5.png"):
        photograph(tmp_path / name)
    rows = "id,path\na,1.png\n./a,2.png\na/,3.png\nb//c,4.png\nb/./c,5.png\n"
    ids = [item["id"] for item in scan_list(table(tmp_path / "l.csv", rows))]
    assert ids == ["a", "a (line 3)", "a (line 4)", "b/c", "b/c (line 6)"]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("path,path", "expected one column of path or image, but got path, path; remove one"),
        ("image,Path", "expected one column of path or image, but got image, path"),
        ("path,id,ID ", "expected one column of id, but got id, id"),
        ("path,laterality,laterality", "expected one column of laterality, but got"),
        ("path,mm_per_px,note,mm_per_px", "expected one column of mm_per_px, but got"),
    ],
)
def test_two_columns_for_one_thing_are_refused(tmp_path: Path, header: str, message: str) -> None:
    """One of them would be taken in silence."""
    photograph(tmp_path / "1.png")
    with pytest.raises(ValueError, match=message):
        scan_list(table(tmp_path / "l.csv", f"{header}\n1.png,1.png,1.png,1.png\n"))
    assert len(scan_list(table(tmp_path / "l.csv", "path,note,note\n1.png,a,b\n"))) == 1


def test_lists_have_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path / "l.csv", "path\n" + "x.png\n" * 20)
    monkeypatch.setattr("fundus_mtl.photographs._list_rows.MAX_LIST_ROWS", 19)
    with pytest.raises(ValueError, match="expected at most 19 rows in .*, but got more; split it"):
        scan_list(path)
    monkeypatch.setattr("fundus_mtl.photographs._list_rows.MAX_LIST_ROWS", 20)
    assert len(scan_list(path)) == 20
    with path.open("r+b") as file:
        file.truncate(2**40)
    with pytest.raises(ValueError, match="expected a file of at most 67108864 bytes, but got 1099511627776"):
        scan_list(path)


# --------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name, shown",
    [
        ("\x1b[2J\x1b[1;31mok\x1b[0m.png", r"\x1b[2J\x1b[1;31mok\x1b[0m.png"),
        ("two\nlines\r.png", r"two\nlines\r.png"),
        ("\x9b2J.png", r"\x9b2J.png"),  # the one-byte form of the escape
        ("\u202egnp.eye", r"\u202egnp.eye"),
        ("a\u2028b\0.png", r"a\u2028b\x00.png"),
        ("\udcff.png", r"\udcff.png"),
        ("zoë 眼 \U0001f441.png", "zoë 眼 \U0001f441.png"),
        ("plain.png", "plain.png"),
    ],
)
def test_names_are_safe_to_print(name: str, shown: str) -> None:
    assert printable(name) == shown
    assert printable(name).isprintable()
    assert printable(printable(name)) == printable(name)


def test_names_in_errors_are_safe_to_print(tmp_path: Path) -> None:
    path = tmp_path / "\x1b[2Jeye\n.png"
    path.write_text("no picture")
    with pytest.raises(UnreadableImageError) as caught:
        FundusReader()(path)
    assert str(caught.value).startswith(r"\x1b[2Jeye\n.png: expected JPEG")
    assert str(caught.value).isprintable()
    assert plain_reason(caught.value, {"id": "ab12", "image": str(path)}).startswith("expected JPEG")


def test_errors_of_the_command_are_safe_to_print(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    from fundus_mtl.cli import main

    assert main(["infer", str(tmp_path / "\x1b[2Jnothing\x9b1m"), str(tmp_path / "out")]) == 2
    output = capsys.readouterr().err
    assert "nothing" in output
    assert all(line.isprintable() for line in output.splitlines())
