"""A terminal that closes, output that cannot be written, and two runs at once: the real command."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from fundus_mtl.cli import main
from tests.clinic.conftest import ANYWAY, rows, save_fundus


@pytest.fixture
def folder(tmp_path):
    for index in range(8):
        save_fundus(tmp_path / "in" / f"eye\x1b[31m\u00e9{index}.png", seed=index)
    return tmp_path / "in"


def start(work):
    """Do the work in a child process; return its id. Its exit status is what the work returns."""
    child = os.fork()
    if child:
        return child
    status = 99
    try:
        status = work()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 98
    finally:
        os._exit(status)


def status_of(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def command(folder, out, weights):
    return ["infer", str(folder), str(out), "--weights", str(weights), *ANYWAY]


def to(descriptor):
    """Send both streams to a descriptor, as a shell does, not through pytest's."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(descriptor, number)
        setattr(sys, name, os.fdopen(number, "w", encoding="ascii", buffering=1, closefd=False))


def test_a_reader_that_ends_does_not_end_the_run(folder, weights, tmp_path):
    """``2>&1 | head -1``: here the reader has ended before the first line."""
    ear, mouth = os.pipe()
    os.close(ear)

    def work():
        to(mouth)
        return main(command(folder, tmp_path / "out", weights))

    assert status_of(start(work)) == 0
    os.close(mouth)
    assert [row["status"] for row in rows(tmp_path / "out/results.csv")] == ["ok"] * 8


def test_closed_descriptors_do_not_end_the_run(folder, weights, tmp_path):
    """``>&- 2>&-``: no file of the run may get the numbers that libraries print to."""

    def work():
        os.close(1)
        os.close(2)
        sys.stdout = sys.stderr = None
        status = main(command(folder, tmp_path / "out", weights))
        return status if str(Path("/proc/self/fd/2").readlink()) == os.devnull else 97

    assert status_of(start(work)) == 0
    assert len(rows(tmp_path / "out/results.csv")) == 8


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_terminal_that_closes_leaves_tables_and_a_run_to_resume(folder, weights, tmp_path, number):
    """The terminal is gone by then: nothing can be printed, and the signal comes more than once."""
    ear, mouth = os.pipe()
    journal = tmp_path / "out/journal.jsonl"

    def work():
        to(mouth)
        return main([*command(folder, tmp_path / "out", weights), "--set", "writers=0", "--set", "read_ahead=0"])

    child = start(work)
    os.close(mouth)
    wait_for(
        lambda: journal.exists() and journal.read_bytes().count(b"\n") >= 3
    )  # the last one may be interrupted before it counts
    os.close(ear)
    os.kill(child, number)
    if number == signal.SIGHUP:
        for _ in range(3):
            time.sleep(0.005)
            os.kill(child, number)
    assert status_of(child) == 128 + number
    found = rows(tmp_path / "out/results.csv")
    done = [row for row in found if row["status"] == "ok"]
    assert len(found) == 8
    assert 2 <= len(done) < 8
    assert json.loads((tmp_path / "out/run.json").read_text())["state"] == "stopped"
    assert main([*command(folder, tmp_path / "out", weights), "writers=0", "read_ahead=0"]) == 0
    after = {row["image_id"]: row for row in rows(tmp_path / "out/results.csv")}
    assert [after[row["image_id"]] for row in done] == done  # to the time: nothing is measured twice


def test_the_second_of_two_runs_is_refused_in_one_sentence(folder, weights, tmp_path, capfd):
    journal = tmp_path / "out/journal.jsonl"
    child = start(lambda: main(command(folder, tmp_path / "out", weights)))
    wait_for(journal.exists)
    os.kill(child, signal.SIGSTOP)
    capfd.readouterr()
    try:
        assert main(command(folder, tmp_path / "out", weights)) == 2
        printed = capfd.readouterr().err
        assert "error: expected an output folder that no other run writes to, but got one in use ('out')" in printed
        assert "Traceback" not in printed
    finally:
        os.kill(child, signal.SIGCONT)
    assert status_of(child) == 0
    assert len(rows(tmp_path / "out/results.csv")) == 8


def test_notes_and_names_cannot_command_the_terminal(weights, tmp_path, capfd):
    """Escape sequences in a note of the model, and in the name of a folder that does not exist."""
    given = ["infer", str(tmp_path / "no\x1b[2J\nfolder"), str(tmp_path / "out"), "--weights", str(weights)]
    assert main(given) == 2
    printed = capfd.readouterr()
    assert "\x1b" not in printed.err + printed.out
    assert len(printed.err.splitlines()) == 1
    assert "no\\x1b[2J\\nfolder: expected a folder of photographs, but got none" in printed.err
