"""One run at a time per output folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time

import pytest

from fundus_mtl.photographs import scan_folder
from fundus_mtl.results import OutputError
from fundus_mtl.results._output_lock import OutputLock

from .conftest import answer


@pytest.fixture
def items(tmp_path, photograph):
    for index in range(3):
        photograph(tmp_path / f"in/{index}.png", width=120 + index)
    return scan_folder(tmp_path / "in")


def files_of(output):
    return {path.relative_to(output): path.read_bytes() for path in output.rglob("*") if path.is_file()}


def test_a_second_run_is_refused_and_changes_nothing(items, tmp_path, make):
    early = make(items, tmp_path / "out")  # prepared while nothing ran
    first = make(items, tmp_path / "out")
    first.start()
    first.add([answer(items[0])])
    first._writer.drain()  # a thread writes
    before = files_of(tmp_path / "out")
    for options in ({}, {"overwrite": True}):
        with pytest.raises(
            OutputError, match="^expected an output folder that no other run writes to, but got one in use"
        ):
            make(items, tmp_path / "out", **options)
    with pytest.raises(OutputError, match="no other run writes to") as refused:
        early.start()
    assert refused.value.exit_code == 2
    with pytest.raises(OutputError):
        early.stop(refused.value)
    assert files_of(tmp_path / "out") == before
    first.add([answer(item) for item in items[1:]])
    first.finish()
    assert not (tmp_path / "out/.lock").exists()
    assert make(items, tmp_path / "out").pending == []


def test_a_run_that_saw_another_folder_is_refused(items, tmp_path, make, infer):
    """It was prepared when the folder was empty: to start would remove what the other run has measured since."""
    early = make(items, tmp_path / "out", model={"id": "other", "sha256": "cd" * 32})
    infer(items, tmp_path / "out")
    before = files_of(tmp_path / "out")
    with pytest.raises(OutputError, match="that no other run has changed since this one began"):
        early.start()
    assert files_of(tmp_path / "out") == before


@pytest.mark.parametrize("ends", ["killed", "stopped"])
def test_a_run_that_ended_never_blocks(items, tmp_path, make, infer, ends):
    if ends == "stopped":
        results = make(items, tmp_path / "out")
        results.start()
        with pytest.raises(KeyboardInterrupt):
            results.stop(KeyboardInterrupt())
    else:
        child = os.fork()
        if child == 0:
            make(items, tmp_path / "out").start()
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)
        assert (tmp_path / "out/.lock").exists()
    assert infer(items, tmp_path / "out").counts["ok"] == 3
    assert not (tmp_path / "out/.lock").exists()


def test_only_one_of_many_processes_has_the_lock(tmp_path):
    """Each holds the lock a moment, and removes its file: no two may ever hold it at the same time."""
    (tmp_path / "out").mkdir()
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            os._exit(_take_turns(tmp_path))
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0] * 4


def _take_turns(folder):
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        lock = OutputLock(folder / "out")
        try:
            lock.acquire()
        except OutputError:
            continue
        try:
            os.close(os.open(folder / "inside", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return 1
        (folder / "inside").unlink()
        lock.release()
    return 0


def test_a_link_is_not_locked(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/.lock").symlink_to(tmp_path / "mine.txt")
    with pytest.raises(OutputError, match="without links, but got .lock"):
        OutputLock(tmp_path / "out").acquire()
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_system_without_locks_is_a_warning(items, tmp_path, infer, monkeypatch, caplog):
    import fcntl

    def refused(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refused)
    assert infer(items, tmp_path / "out").counts["ok"] == 3
    assert "the output folder cannot be locked on this system" in caplog.text


def test_a_folder_that_is_read_only_is_one_sentence(items, tmp_path, make):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system")
    try:
        for output in (disk, disk / "out"):
            with pytest.raises(OutputError, match="^expected to write the results, but got 'Read-only file system'; "):
                make(items, output).start()
    finally:
        subprocess.run(["umount", str(disk)], check=True)
