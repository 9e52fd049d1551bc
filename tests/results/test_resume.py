"""A run that was killed goes on and ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
import threading
from functools import partial
from pathlib import Path

import pytest

from fundus_mtl.photographs import photograph_sha256, scan_folder
from fundus_mtl.processes import StalledError
from fundus_mtl.results import Glaucoma, NothingUsableError, OutputError

from .conftest import ROLES, answer

SECONDS = ("timestamp_utc", "runtime_s")


@pytest.fixture
def folder(tmp_path, photograph):
    for index, name in enumerate(("a/x.jpg", "b.png", "d.png")):
        photograph(tmp_path / "in" / name, width=120 + index)
    (tmp_path / "in/c.png").write_text("no picture")
    (tmp_path / "in/e.png").symlink_to("nothing.png")
    return tmp_path / "in"


def contents(output: Path) -> dict[str, object]:
    """Every file of a run, without the times in it."""
    readers = {".csv": _cells, ".jsonl": _records, ".json": _record, ".html": _page}
    files = [path for path in sorted(output.rglob("*")) if path.is_file()]
    return {str(path.relative_to(output)): readers.get(path.suffix, Path.read_bytes)(path) for path in files}


def _cells(path: Path) -> list[list[str]]:
    lines = [line.split(",") for line in path.read_text().splitlines()]
    kept = [index for index, column in enumerate(lines[0]) if column not in SECONDS]
    return [[line[index] for index in kept if index < len(line)] for line in lines]


def _records(path: Path) -> list[dict[str, object]]:
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for record in records:
        for column in SECONDS:
            record.get("row", record).pop(column)
    return records


def _record(path: Path) -> dict[str, object]:
    return {key: value for key, value in json.loads(path.read_text()).items() if not key.endswith("_utc")}


def _page(path: Path) -> str:
    text = path.read_text()
    end = text.index("UTC</p>")
    return text[: end - 18] + text[end:]


def killed(work, kill_at: int) -> bool:
    """Run work in a child that kills itself at its n-th sync of a file or renaming; tell whether it came to that."""
    child = os.fork()
    if child == 0:
        calls = 0

        def counted(function):
            def call(*given, **options):
                nonlocal calls
                calls += 1
                if calls == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*given, **options)

            return call

        os.fsync, Path.replace = counted(os.fsync), counted(Path.replace)
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_killed_anywhere_and_started_again_is_the_same_run(folder, tmp_path, infer):
    (folder / "d.png").unlink()  # two photographs, a text and a broken link are enough
    items = scan_folder(folder)
    infer(items, tmp_path / "whole")
    expected = contents(tmp_path / "whole")
    assert len(expected["results.csv"]) == 5
    moments = 0
    while killed(partial(infer, items, output := tmp_path / f"out{moments}"), moments + 1):
        done = [json.loads(line)["row"] for line in _lines(output / "journal.jsonl")]
        made = []

        def transform(item, made=made):
            made.append(item["id"])
            return answer(item)

        infer(items, output, transform)
        assert contents(output) == expected, moments
        assert not {row["image_id"] for row in done} & set(made), moments  # nothing is computed again
        assert not list(output.rglob("*.part"))
        moments += 1
    assert moments >= 24  # rows and pictures are 12 of them, journal and tables the others


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def test_a_torn_line_is_done_again(folder, tmp_path, infer):
    infer(scan_folder(folder), tmp_path / "out")
    expected = contents(tmp_path / "out")
    journal = tmp_path / "out/journal.jsonl"
    whole = journal.read_bytes()
    last = whole.rstrip(b"\n").rindex(b"\n") + 1
    for end in (last + 1, (last + len(whole)) // 2, len(whole) - 1):
        journal.write_bytes(whole[:end])
        infer(scan_folder(folder), tmp_path / "out")
        assert contents(tmp_path / "out") == expected
    journal.unlink()
    infer(scan_folder(folder), tmp_path / "out")
    assert contents(tmp_path / "out") == expected


def test_what_has_changed_is_computed_again_and_what_is_gone_leaves(folder, tmp_path, infer, make, photograph, rows):
    infer(scan_folder(folder), tmp_path / "out")
    assert [item["id"] for item in make(scan_folder(folder), tmp_path / "out").pending] == ["e.png"]  # costs nothing
    photograph(folder / "b.png", width=140)
    photograph(folder / "new.png")
    (folder / "d.png").unlink()
    (tmp_path / "out/overlays/a/x.jpg.jpg").unlink()
    results = make(scan_folder(folder), tmp_path / "out")
    assert [item["id"] for item in results.pending] == ["a/x.jpg", "b.png", "e.png", "new.png"]
    infer(scan_folder(folder), tmp_path / "out")
    infer(scan_folder(folder), tmp_path / "from_the_start")
    assert contents(tmp_path / "out") == contents(tmp_path / "from_the_start")
    assert rows(tmp_path / "out/results.csv")[1]["width_px"] == "140"


def test_an_interrupted_run_goes_on_too(folder, tmp_path, infer):
    def interrupted(item):
        if item["id"] == "b.png":
            raise KeyboardInterrupt
        return answer(item)

    with pytest.raises(KeyboardInterrupt):
        infer(scan_folder(folder), tmp_path / "out", interrupted)
    assert len(_lines(tmp_path / "out/results.jsonl")) == 5
    assert len(_lines(tmp_path / "out/journal.jsonl")) == 1  # those not reached are not done
    infer(scan_folder(folder), tmp_path / "out")
    infer(scan_folder(folder), tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


@pytest.mark.parametrize(
    "options, what",
    [
        ({"model": {"id": "toy", "sha256": "ff" * 32}}, "another model"),
        ({"config_sha256": "ff"}, "another config sha256"),
        ({"roles": (*ROLES[:3], Glaucoma(None))}, "another tasks"),
        ({"id_mode": "hash"}, "another options"),
    ],
)
def test_another_run_is_refused(folder, tmp_path, infer, make, options, what):
    infer(scan_folder(folder), tmp_path / "out")
    before = contents(tmp_path / "out")
    with pytest.raises(ValueError, match=f"^expected results of the same run to resume, but got {what} in 'out'"):
        make(scan_folder(folder), tmp_path / "out", **options)
    assert contents(tmp_path / "out") == before
    infer(scan_folder(folder), tmp_path / "out", overwrite=True)


def test_another_input_is_refused(folder, tmp_path, infer, make, photograph):
    infer(scan_folder(folder), tmp_path / "out")
    photograph(tmp_path / "other/y.png")
    with pytest.raises(ValueError, match="expected results of the same photographs to resume"):
        make(scan_folder(tmp_path / "other"), tmp_path / "out")


def test_other_photographs_under_the_same_names_are_refused(folder, tmp_path, infer, make, photograph):
    """Cameras number their files. Fewer than half of the photographs have the same bytes: it is another folder."""
    infer(scan_folder(folder), tmp_path / "out")
    before = contents(tmp_path / "out")
    for name in ("a/x.jpg", "b.png", "d.png"):
        photograph(folder / name, width=200)
    with pytest.raises(ValueError, match="of the same photographs to resume, but got 2 of 5 unchanged for the results"):
        make(scan_folder(folder), tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_overwriting_forgets_the_journal_first(folder, tmp_path, infer, make):
    """A run killed while it overwrites must not leave rows of the other model to resume."""
    infer(scan_folder(folder), tmp_path / "out")
    model = {"id": "toy", "sha256": "ff" * 32}
    killed(lambda: infer(scan_folder(folder), tmp_path / "out", model=model, overwrite=True, writers=0), 3)
    assert json.loads((tmp_path / "out/run.json").read_text())["model"] == model
    assert len(make(scan_folder(folder), tmp_path / "out", model=model).pending) == 5


def test_a_run_of_failures_only_goes_on_to_the_same_end(tmp_path, infer):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").touch()
    for _ in range(2):
        with pytest.raises(NothingUsableError, match="but got 1 that failed"):
            infer(scan_folder(tmp_path / "in"), tmp_path / "out")


def test_a_disk_that_was_full_while_the_row_was_written(folder, tmp_path, infer, monkeypatch):
    original, calls = os.fsync, []

    def fsync(descriptor):
        calls.append(1)
        if len(calls) == 4:  # run.json, mask, overlay, row
            os.ftruncate(descriptor, max(0, os.fstat(descriptor).st_size - 7))
            raise OSError(28, "No space left on device")
        return original(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OutputError):
        infer(scan_folder(folder), tmp_path / "out", writers=0)
    monkeypatch.undo()
    infer(scan_folder(folder), tmp_path / "out")
    infer(scan_folder(folder), tmp_path / "whole")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_file_too_large_to_be_a_photograph_is_not_hashed(folder, tmp_path, infer, rows):
    """A hole of a terabyte takes no space, and an hour to hash."""
    with (folder / "f.png").open("wb") as file:
        file.truncate(2**40)
    assert infer(scan_folder(folder), tmp_path / "out").counts == {"ok": 3, "ungradable": 0, "failed": 3}
    (row,) = (row for row in rows(tmp_path / "out/results.csv") if row["image_id"] == "f.png")
    assert row["source_sha256"] == ""
    assert infer(scan_folder(folder), tmp_path / "out").counts == {"ok": 3, "ungradable": 0, "failed": 3}


def test_a_disk_that_does_not_answer_while_a_run_resumes(folder, tmp_path, infer, make, monkeypatch):
    """The photographs are neither done nor others: they are tried again, and many of them end the run."""
    infer(scan_folder(folder), tmp_path / "out")
    end, items = threading.Event(), scan_folder(folder)
    monkeypatch.setattr("fundus_mtl.results._source_file.photograph_sha256", lambda _: end.wait())
    try:
        pending = make(items, tmp_path / "out", timeout=0.1).pending
        assert [item["id"] for item in pending] == ["a/x.jpg", "b.png", "c.png", "d.png", "e.png"]
        monkeypatch.setattr("fundus_mtl.processes._time_limit.MAX_ABANDONED", 2)
        with pytest.raises(StalledError, match="expected a disk that answers"):
            make(items, tmp_path / "out", timeout=0.1)
    finally:
        end.set()


def test_a_disk_that_does_not_answer_after_a_failure_costs_the_hash_only(folder, tmp_path, infer, rows, monkeypatch):
    end, items = threading.Event(), scan_folder(folder)
    monkeypatch.setattr(
        "fundus_mtl.results._source_file.photograph_sha256",
        lambda path: end.wait() if path.name == "c.png" else photograph_sha256(path),
    )
    try:
        infer(items, tmp_path / "out", timeout=0.1)
    finally:
        end.set()
    states = {row["image_id"]: (row["status"], row["source_sha256"]) for row in rows(tmp_path / "out/results.csv")}
    assert states["c.png"] == ("failed", "")
    assert states["b.png"][0] == "ok"
