"""One row per photograph, whatever happens to it."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor
from PIL import Image

from fundus_mtl.photographs import FundusReader, scan_folder
from fundus_mtl.results import (
    VOLATILE_COLUMNS,
    Cup,
    Disc,
    FolderResults,
    Fovea,
    Glaucoma,
    NothingUsableError,
    OutputError,
)
from fundus_mtl.results._exit_codes import exit_code

from .conftest import COLUMNS, answer

GOOD = ("A/im0.jpg", "B/im0.jpg", "im2.jpg", "im2.png", "zoë OD.tif")


@pytest.fixture
def folder(tmp_path, photograph):
    for index, name in enumerate(GOOD):
        photograph(tmp_path / "in" / name, width=120 + index)
    return tmp_path / "in"


def add_bad_files(folder: Path) -> None:
    whole = (folder / "im2.jpg").read_bytes()
    (folder / "A/truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.png").touch()
    (folder / "im1.png").write_text("no picture")
    (folder / "folder.png").mkdir()
    (folder / "broken link.png").symlink_to("nothing.png")
    (folder.parent / "secret.png").write_bytes((folder / "im2.png").read_bytes())
    (folder / "outside link.png").symlink_to(folder.parent / "secret.png")


def comparable(row: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in row.items() if name not in VOLATILE_COLUMNS}


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_row_worked_by_hand(folder, tmp_path, infer, rows):
    results = infer(scan_folder(folder), tmp_path / "out", config_sha256="cd" * 32)
    row = rows(tmp_path / "out/results.csv")[0]
    assert list(row) == [column.name for column in COLUMNS]
    expected = {
        "image_id": "A/im0.jpg",
        "source_relpath": "A/im0.jpg",
        "source_sha256": hashlib.sha256((folder / "A/im0.jpg").read_bytes()).hexdigest(),
        "status": "ok",
        "width_px": "120",
        "height_px": "60",
        "laterality": "L",
        "laterality_source": "predicted",
        "vcdr": "0.5",  # 12 / 24
        "hcdr": "0.5",  # 10 / 20
        "acdr": "0.25",
        "disc_area_px": "480",
        "disc_height_px": "24",
        "disc_width_px": "20",
        "cup_area_px": "120",
        "disc_cx_px": "17.5",
        "disc_cy_px": "21.5",
        "fovea_x_px": "77.5",
        "fovea_y_px": "21.5",
        "disc_fovea_dist_px": "60",
        "disc_fovea_dist_dd": "2.5",
        "disc_fovea_angle_deg": "0",
        "glaucoma_prob": "0.25",
        "flags": "not_gradable",
        "model_id": "toy",
        "model_sha256": "ab" * 32,
        "software_version": row["software_version"],
        "config_sha256": "cd" * 32,
    }
    assert {name: row[name] for name in expected} == expected
    assert row["software_version"]
    assert row["timestamp_utc"].endswith("+00:00")
    assert float(row["runtime_s"]) > 0
    assert results.counts == {"ok": 5, "ungradable": 0, "failed": 0}


def test_masks_are_native_refuge_codes_and_mirror_the_folder(folder, tmp_path, infer):
    infer(scan_folder(folder), tmp_path / "out")
    assert sorted(files_of(tmp_path / "out/masks")) == [f"{name}.png" for name in GOOD]
    assert sorted(files_of(tmp_path / "out/overlays")) == [f"{name}.jpg" for name in GOOD]
    with Image.open(tmp_path / "out/masks/im2.png.png") as mask:
        codes = np.asarray(mask)
        assert mask.mode == "L"
    assert codes.shape == (60, 123)
    assert [codes[0, 0], codes[10, 8], codes[16, 13], codes[33, 27], codes[34, 27]] == [255, 128, 0, 128, 255]
    assert ((codes < 255).sum(), (codes == 0).sum()) == (480, 120)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_good_rows_do_not_depend_on_bad_files_or_the_batch(folder, tmp_path, infer, rows, batch_size):
    infer(scan_folder(folder), tmp_path / "without")
    add_bad_files(folder)
    results = infer(scan_folder(folder), tmp_path / "with", batch_size=batch_size)
    assert results.counts == {"ok": 5, "ungradable": 0, "failed": 6}
    without, found = rows(tmp_path / "without/results.csv"), rows(tmp_path / "with/results.csv")
    assert [row["source_relpath"] for row in found] == sorted(path["id"] for path in scan_folder(folder))
    assert [comparable(row) for row in found if row["status"] == "ok"] == [comparable(row) for row in without]
    for kind in ("masks", "overlays"):
        assert files_of(tmp_path / "with" / kind) == files_of(tmp_path / "without" / kind)


def test_failed_rows_have_a_reason_and_no_number(folder, tmp_path, infer, rows):
    add_bad_files(folder)
    infer(scan_folder(folder), tmp_path / "out")
    failed = {row["image_id"]: row for row in rows(tmp_path / "out/results.csv") if row["status"] == "failed"}
    reasons = {row["source_relpath"]: row for row in rows(tmp_path / "out/failures.csv")}
    assert list(reasons) == list(failed)
    measured = [column.name for column in COLUMNS if column.unit.startswith(("px", "1", "disc", "degrees", "0 to 1"))]
    for name, row in failed.items():
        assert row["status_reason"] == reasons[name]["message"] != ""
        assert not any(row[column] for column in measured)
    assert {name: row["stage"] for name, row in reasons.items()} == {
        "A/truncated.jpg": "read",
        "broken link.png": "scan",
        "empty.png": "read",
        "folder.png": "scan",
        "im1.png": "read",
        "outside link.png": "scan",
    }
    assert "runcated" in reasons["A/truncated.jpg"]["message"]
    assert failed["outside link.png"]["source_sha256"] == failed["folder.png"]["source_sha256"] == ""
    assert failed["empty.png"]["source_sha256"] == hashlib.sha256(b"").hexdigest()


def test_odd_but_readable_pictures_are_measured(tmp_path, infer, rows, photograph):
    photograph(tmp_path / "in/cmyk.jpg", mode="CMYK")
    photograph(tmp_path / "in/grey.png", mode="L")
    photograph(tmp_path / "in/palette.bmp", mode="P")
    photograph(tmp_path / "in/rgba.png", mode="RGBA")
    photograph(tmp_path / "in/one pixel.png", width=1, height=1)
    infer(scan_folder(tmp_path / "in"), tmp_path / "out")
    found = {row["image_id"]: row for row in rows(tmp_path / "out/results.csv")}
    assert {row["status"] for row in found.values()} == {"ok"}
    assert found["cmyk.jpg"]["vcdr"] == found["grey.png"]["vcdr"] == "0.5"
    tiny = found["one pixel.png"]
    assert (tiny["vcdr"], tiny["disc_area_px"], tiny["cup_area_px"], tiny["fovea_x_px"]) == ("", "", "", "")
    assert tiny["flags"] == "disc_missing;cup_missing;fovea_missing;not_gradable"
    assert {"disc not found", "cup not found", "fovea not found"} <= set(tiny["status_reason"].split("; "))


def test_a_bundle_with_fewer_tasks(folder, tmp_path, infer, rows):
    def only_glaucoma(item):
        return {"id": item["id"], "pred_score": torch.tensor([0.75])}

    infer(
        scan_folder(folder),
        tmp_path / "out",
        only_glaucoma,
        roles=[Disc(None), Cup(None), Fovea(None), Glaucoma("score")],
    )
    row = rows(tmp_path / "out/results.csv")[0]
    assert (row["glaucoma_prob"], row["vcdr"], row["flags"]) == ("0.75", "", "not_gradable")
    assert not (tmp_path / "out/masks").exists()
    assert (tmp_path / "out/overlays/im2.jpg.jpg").exists()


def test_an_ungradable_photograph_has_a_row_and_a_picture_and_no_number(folder, tmp_path, infer, rows):
    results = infer(scan_folder(folder), tmp_path / "out", rules=None)
    assert (results.counts, results.exit_code) == ({"ok": 0, "ungradable": 5, "failed": 0}, 0)
    row = rows(tmp_path / "out/results.csv")[0]
    assert (row["status"], row["vcdr"], row["glaucoma_prob"], row["width_px"]) == ("ungradable", "", "", "120")
    assert row["status_reason"]
    assert (tmp_path / "out/overlays/A/im0.jpg.jpg").exists()
    html = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert html.count('<tr data-status="ungradable" data-flagged="0">') == 5
    assert "<span class='badge ungradable'>ungradable</span>" in html


def test_jsonl_has_the_rows_of_the_table(folder, tmp_path, infer, rows):
    add_bad_files(folder)
    infer(scan_folder(folder), tmp_path / "out")
    table = rows(tmp_path / "out/results.csv")
    records = [json.loads(line) for line in (tmp_path / "out/results.jsonl").read_text().splitlines()]
    assert [list(record) for record in records] == [list(row) for row in table]
    assert [record["image_id"] for record in records] == [row["image_id"] for row in table]
    for row, record in zip(table, records, strict=True):
        assert {name for name, value in record.items() if value in (None, "")} == {
            name for name, text in row.items() if text == ""
        }
        assert record["vcdr"] == (float(row["vcdr"]) if row["vcdr"] else None)
    assert isinstance(records[0]["disc_height_px"], float | int)


def test_what_is_known_of_a_photograph_reaches_its_row(folder, tmp_path, infer, rows):
    """The list wins over the file, the file over the user's default."""
    known = {"A": {"laterality": "R", "mm_per_px": (0.05, 0.08), "burned_in": "no"}}

    def facts(path):
        return known.get(Path(path).parent.name, {"laterality": "unknown", "mm_per_px": None, "burned_in": None})

    items = scan_folder(folder)
    items[1] |= {"laterality": "R", "mm_per_px": (0.06, 0.06)}
    infer(items, tmp_path / "out", of_file=facts, mm_per_px=0.07)
    found = rows(tmp_path / "out/results.csv")
    eyes = [(row["laterality"], row["laterality_source"], row["laterality_conflict"]) for row in found]
    assert eyes[:3] == [("R", "dicom", "yes"), ("R", "list", "yes"), ("L", "predicted", "")]
    scales = [(row["mm_per_px_x"], row["mm_per_px_y"], row["scale_source"]) for row in found]
    assert scales[:3] == [("0.05", "0.08", "pixel_spacing"), ("0.06", "0.06", "user"), ("0.07", "0.07", "user")]


def test_an_answer_that_cannot_be_measured_is_a_failed_row(folder, tmp_path, infer, rows):
    def wrong_size(item):
        sample = answer(item)
        return sample | ({"pred_cup": sample["pred_cup"][:, :-1]} if item["id"] == "im2.jpg" else {})

    results = infer(scan_folder(folder), tmp_path / "out", wrong_size, batch_size=2)
    assert results.counts == {"ok": 4, "ungradable": 0, "failed": 1}
    (failure,) = rows(tmp_path / "out/failures.csv")
    assert (failure["source_relpath"], failure["stage"], failure["error_class"]) == ("im2.jpg", "measure", "ValueError")
    assert failure["message"] == "mask cup: expected the photograph's size (60, 122), but got (1, 59, 122)."
    assert not (tmp_path / "out/masks/im2.jpg.png").exists()


def test_ids_may_stay_in_monais_batch(folder, tmp_path, make):
    items = scan_folder(folder)
    results = make(items, tmp_path / "out")

    def step(engine, batch):
        engine.state.batch = [{"id": item["id"]} for item in batch]
        return [{key: value for key, value in answer(item).items() if key != "id"} for item in batch]

    engine = Engine(step)
    results.attach(engine)
    engine.run([items[:2], items[2:]])
    assert results.counts == {"ok": 5, "ungradable": 0, "failed": 0}


def test_nothing_usable_ends_in_one_sentence_after_the_tables(tmp_path, infer, rows):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_text("no picture")
    (tmp_path / "in/b.png").touch()
    expected = r"^expected at least one usable photograph, but got 2 that failed, the first with '.*'; see failures.csv"
    with pytest.raises(NothingUsableError, match=expected):
        infer(scan_folder(tmp_path / "in"), tmp_path / "out")
    assert [row["status"] for row in rows(tmp_path / "out/results.csv")] == ["failed", "failed"]
    assert json.loads((tmp_path / "out/run.json").read_text())["state"] == "completed"
    assert "2" in (tmp_path / "out/report.html").read_text()


def test_an_interrupt_leaves_the_tables_of_what_was_done(folder, tmp_path, infer, rows):
    def interrupted(item):
        if item["id"] == "im2.jpg":
            raise KeyboardInterrupt
        return answer(item)

    with pytest.raises(KeyboardInterrupt):
        infer(scan_folder(folder), tmp_path / "out", interrupted)
    found = rows(tmp_path / "out/results.csv")
    assert [row["status"] for row in found] == ["ok", "ok", "failed", "failed", "failed"]
    assert found[2]["status_reason"] == "not reached; the run was stopped"
    run = json.loads((tmp_path / "out/run.json").read_text())
    assert (run["state"], run["reason"], run["counts"]) == (
        "stopped",
        "KeyboardInterrupt: KeyboardInterrupt",
        {"ok": 2, "ungradable": 0, "failed": 3},
    )


def test_a_full_disk_stops_the_run_and_leaves_whole_files(folder, tmp_path, infer, monkeypatch):
    written = []

    def fsync(_):
        written.append(1)
        if len(written) > 5:  # run.json; mask, overlay and row of the first; mask of the second
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(
        OutputError, match="^expected to write the results, but got 'No space left on device'; "
    ) as caught:
        infer(scan_folder(folder), tmp_path / "out", writers=0)
    assert str(tmp_path) not in str(caught.value)
    assert sorted(files_of(tmp_path / "out")) == [
        "journal.jsonl",
        "masks/A/im0.jpg.png",
        "masks/B/im0.jpg.png",
        "overlays/A/im0.jpg.jpg",
        "run.json",
    ]
    for path in (tmp_path / "out").rglob("*.*g"):
        if path.is_file():
            Image.open(path).load()


def test_a_full_disk_that_has_room_for_tables_gets_them(folder, tmp_path, infer, monkeypatch, rows):
    written = []

    def fsync(_):
        written.append(1)
        if len(written) == 6:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OutputError):
        infer(scan_folder(folder), tmp_path / "out", writers=0)
    assert [row["status"] for row in rows(tmp_path / "out/results.csv")] == ["ok", *["failed"] * 4]
    assert "No space left" in json.loads((tmp_path / "out/run.json").read_text())["reason"]


def test_a_name_too_long_for_its_mask_is_shortened(folder, tmp_path, infer, rows, photograph):
    names = ["x" * 251 + ".png", "x" * 250 + "y.png", "é" * 125 + ".png"]
    for name in names:
        photograph(folder / name)
    results = infer(scan_folder(folder), tmp_path / "out")
    assert results.counts == {"ok": 8, "ungradable": 0, "failed": 0}
    assert set(names) <= {row["source_relpath"] for row in rows(tmp_path / "out/results.csv")}
    long = [path.name for path in (tmp_path / "out/masks").iterdir() if "~" in path.name]
    assert sorted(name[0] for name in long) == ["x", "x", "é"]
    html = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    links = [unquote(link) for link in re.findall(r'href="(overlays/[^"]*)"', html)]
    assert all((tmp_path / "out" / link).is_file() for link in links)
    assert len(set(links)) == 8


def test_a_failed_photograph_leaves_no_pictures(folder, tmp_path, infer, monkeypatch):
    """The mask is written, the overlay's name is impossible."""
    original = Path.mkdir

    def mkdir(self, *args, **options):
        if self.name == "A" and self.parent.name == "overlays":
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", str(self))
        return original(self, *args, **options)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    results = infer(scan_folder(folder), tmp_path / "out")
    assert results.counts == {"ok": 4, "ungradable": 0, "failed": 1}
    assert "A/im0.jpg.png" not in files_of(tmp_path / "out/masks")


def test_names_cannot_run_code(tmp_path, infer, rows, photograph):
    for name in ("=cmd().png", "@x.png", "<script>alert(1)<.png", "new\nline.png", 'quote".png', "-3/-3.png"):
        photograph(tmp_path / "in" / name)
    infer(scan_folder(tmp_path / "in"), tmp_path / "out")
    names = {row["source_relpath"] for row in rows(tmp_path / "out/results.csv")}
    assert names == {"'=cmd().png", "'@x.png", "<script>alert(1)<.png", "new\nline.png", 'quote".png', "'-3/-3.png"}
    html = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)&lt;.png" in html
    assert html.count("<script>") == 2  # the table's and the viewer's own
    assert 'href="overlays/quote%22.png.jpg"' in html


def test_the_record_names_no_folder_and_no_user(folder, tmp_path, infer):
    add_bad_files(folder)
    infer(scan_folder(folder), tmp_path / "out", config_sha256="cd" * 32)
    run = json.loads((tmp_path / "out/run.json").read_text())
    assert (run["software"], run["model"]["id"], run["config_sha256"], run["state"]) == (
        "fundus_mtl",
        "toy",
        "cd" * 32,
        "completed",
    )
    assert run["counts"] == {"ok": 5, "ungradable": 0, "failed": 6}
    assert run["packages"]["torch"] == version("torch")
    for path in (tmp_path / "out").glob("*.*"):
        assert str(tmp_path) not in path.read_text(encoding="utf-8"), path.name
        assert tmp_path.parts[1] + "/" not in path.read_text(encoding="utf-8").replace("image/", ""), path.name


def test_output_folders_that_would_mix_things_are_refused(folder, tmp_path, infer, make):
    items = scan_folder(folder)
    with pytest.raises(ValueError, match="but got the input folder"):
        make(items, folder / "A/..", input_dir=folder)
    with pytest.raises(ValueError, match="which is a file"):
        make(items, folder / "im2.jpg")
    (tmp_path / "mine/masks").mkdir(parents=True)
    (tmp_path / "mine/masks/precious.png").touch()
    with pytest.raises(ValueError, match="but got masks in 'mine'; choose another, or set resume or overwrite"):
        make(items, tmp_path / "mine", resume=False)
    for options in ({}, {"overwrite": True}):
        with pytest.raises(ValueError, match="but got masks in 'mine' without a run.json of fundus_mtl"):
            make(items, tmp_path / "mine", **options)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/overlays").symlink_to(tmp_path / "mine/masks")
    with pytest.raises(ValueError, match="expected an output folder without links, but got overlays"):
        make(items, tmp_path / "linked", overwrite=True)
    assert (tmp_path / "mine/masks/precious.png").exists()


def test_overwriting_leaves_nothing_of_the_earlier_run_and_all_else(folder, tmp_path, infer, make):
    infer(scan_folder(folder), tmp_path / "out")
    (tmp_path / "out/notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="or set resume or overwrite to True"):
        make(scan_folder(folder), tmp_path / "out", resume=False)
    (folder / "im2.jpg").unlink()
    infer(scan_folder(folder), tmp_path / "out", overwrite=True)
    assert "im2.jpg.png" not in files_of(tmp_path / "out/masks")
    assert (tmp_path / "out/notes.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["../x.png", "/x.png", ""])
def test_ids_stay_inside_the_output_folder(tmp_path, make, name):
    with pytest.raises(ValueError, match="expected relative paths inside the folder"):
        make([{"id": name, "image": "/in/x.png"}], tmp_path / "out")


def test_an_id_twice_is_refused(tmp_path, make):
    with pytest.raises(ValueError, match="expected different ids, but got 1 more than once"):
        make([{"id": "x.png", "image": "/x.png"}] * 2, tmp_path / "out")


@pytest.mark.parametrize("model", [{"id": "/home/eve/model", "sha256": ""}, {"id": "toy"}])
def test_the_model_has_a_plain_name_and_a_hash(tmp_path, make, model):
    with pytest.raises(ValueError, match="^model: expected"):
        make([], tmp_path / "out", model=model)


def test_times_of_a_batch_add_up(folder, tmp_path, infer, rows):
    infer(scan_folder(folder), tmp_path / "out", batch_size=3)
    seconds = [float(row["runtime_s"]) for row in rows(tmp_path / "out/results.csv")]
    assert seconds[0] == seconds[1] == seconds[2] != seconds[3] == seconds[4]
    assert math.fsum(seconds) > 0


def test_a_photograph_the_engine_never_answered_is_a_failed_row(folder, tmp_path, make, rows):
    items = scan_folder(folder)
    results: FolderResults = make(items, tmp_path / "out")
    results.start()
    results.add([answer(items[1])])
    results.finish()
    found = rows(tmp_path / "out/results.csv")
    assert results.pending == items
    assert [row["status"] for row in found] == ["failed", "ok", "failed", "failed", "failed"]
    assert found[0]["status_reason"] == "the network gave no answer"


def test_progress_is_logged_in_numbers_only(folder, tmp_path, infer, caplog):
    add_bad_files(folder)
    with caplog.at_level("INFO", logger="fundus_mtl"):
        infer(scan_folder(folder), tmp_path / "out")
    messages = [record.message for record in caplog.records if record.name.startswith("fundus_mtl.results")]
    assert messages[-2:] == ["11 of 11 photographs, 6 failed", "finished: 5 photographs ok, 0 ungradable, 6 failed"]
    assert not any(name in caplog.text for name in ("im0", "truncated", "zoë"))


def test_exit_codes(folder, tmp_path, infer, make):
    assert infer(scan_folder(folder), tmp_path / "ok").exit_code == 0
    add_bad_files(folder)
    assert infer(scan_folder(folder), tmp_path / "some").exit_code == 3
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/empty.png").touch()
    results = make(scan_folder(tmp_path / "bad"), tmp_path / "none")
    results.start()
    with pytest.raises(NothingUsableError):
        results.finish()
    assert results.exit_code == 4
    assert [exit_code({"ok": 0, "ungradable": 2, "failed": failed}) for failed in (0, 1)] == [0, 3]


def test_an_error_before_the_start_touches_nothing(folder, tmp_path, make):
    """Such as a checkpoint that cannot be loaded, by a handler before ours."""
    results = make(scan_folder(folder), tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="model.pt"):
        results.stop(FileNotFoundError("model.pt"))
    assert not (tmp_path / "out").exists()


def test_other_files_are_counted_in_the_record_and_the_report(folder, tmp_path, infer):
    photographs = len(scan_folder(folder))
    (folder / "DOE_JOHN.txt").write_text("a letter")
    (folder / "A/film.mp4").write_bytes(b"film")
    items = scan_folder(folder)
    assert len(items) == photographs
    infer(items, tmp_path / "out")
    assert json.loads((tmp_path / "out/run.json").read_text())["skipped"] == {".txt": 1, ".mp4": 1}
    report = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "<b>2</b><span>other files, skipped</span>" in report
    assert "DOE_JOHN" not in report
    infer(list(items), tmp_path / "plain")  # a list that counts nothing
    assert json.loads((tmp_path / "plain/run.json").read_text())["skipped"] == {}
    assert "other files" not in (tmp_path / "plain/report.html").read_text(encoding="utf-8")


def test_a_photograph_that_is_replaced_during_the_run_is_a_failed_row(folder, tmp_path, make, rows):
    """The numbers would be of one picture and the hash of another."""
    items = scan_folder(folder)[:2]
    results = make(items, tmp_path / "out", writers=0)
    reader = FundusReader()
    samples = []
    for item in items:
        pixels, meta = reader.get_data(reader.read(item["image"]))
        samples.append({**answer(item), "image": MetaTensor(torch.as_tensor(pixels), meta=meta)})
    first, second = (sample["image"].meta["sha256"] for sample in samples)
    data = Path(items[1]["image"]).read_bytes()
    Path(items[1]["image"]).write_bytes(data + b"more")  # the same picture, other bytes
    results.start()
    results.add(samples)
    results.finish()
    found = rows(tmp_path / "out/results.csv")
    assert [(row["status"], row["source_sha256"]) for row in found] == [
        ("ok", first),
        ("failed", hashlib.sha256(data + b"more").hexdigest()),
    ]
    assert second == hashlib.sha256(data).hexdigest()
    assert "it was replaced during the run" in found[1]["status_reason"]
    pictures = [
        path for kind in ("masks", "overlays") for path in (tmp_path / "out" / kind).rglob("*") if path.is_file()
    ]
    assert len(pictures) == 2  # those of the first
