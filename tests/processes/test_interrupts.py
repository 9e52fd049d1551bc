"""Signals at every moment of a comparison: its run is closed as KILLED and nothing is left running.

The children are small commands, and nothing here imports MONAI.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from fundus_mtl.comparison import Comparison, Method, Search, _do_training, _run_comparison, _training, run_comparison
from fundus_mtl.processes._child_processes import ChildProcesses
from fundus_mtl.processes._interrupts import Interrupts

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
GRANDCHILD = (
    "import os, signal, subprocess, sys, time; signal.signal(15, signal.SIG_IGN)\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print(os.getpid(), child.pid, 'up', flush=True); time.sleep(60)"
)
WORDS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def press(word):
    os.kill(os.getpid(), word)


def when_up(log, *actions):
    """Do these as soon as a command says so, from another thread."""

    def wait():
        end = time.monotonic() + 60
        while not (log.is_file() and "up" in log.read_text()):
            assert time.monotonic() < end
            time.sleep(0.02)
        for action in actions:
            action()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def gone(pid):
    """Whether a process has ended; a zombie has."""
    stat = Path(f"/proc/{pid}/stat")
    return not stat.is_file() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z"


class Store:
    """Stands for `ComparisonRun`: what MLflow would get is noted."""

    run_id, log = "parent", []
    opening = closing = staticmethod(lambda: None)

    def __init__(self, comparison):
        self.sent = Store.log
        type(self).opening()
        self.sent.append("opened")

    def close_training(self, folder, word):
        self.sent.append(f"training {word}")

    def close(self, status):
        type(self).closing()
        self.sent.append(status)


@pytest.fixture
def sent(monkeypatch):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # pytest-xdist's workers ignore Ctrl-C
    sent = []
    monkeypatch.setattr(Store, "log", sent)
    monkeypatch.setattr(_run_comparison, "ComparisonRun", Store)
    monkeypatch.setattr(_training, "file_sha256", lambda path: "")
    return sent


@pytest.fixture
def commands(monkeypatch):
    """Return a function that says what the trainings' commands are, in Python."""

    def take(code):
        for name in ("train_command", "evaluate_command"):
            monkeypatch.setattr(_do_training, name, lambda *_, **__: [sys.executable, "-c", code])

    return take


@pytest.fixture
def comparison(tmp_path):
    return Comparison("digits_mtl", (Method("joint", "joint"),), {"a": "higher"}, output_dir=tmp_path / "out")


@pytest.mark.parametrize("word", WORDS)
def test_while_opening(sent, commands, comparison, word, monkeypatch):
    """The run is opened to its end, noted, and closed at once; no training begins."""
    monkeypatch.setattr(Store, "opening", staticmethod(lambda: press(word)))
    commands(SLEEP)
    with pytest.raises(KeyboardInterrupt):
        run_comparison(comparison, os.environ)
    assert sent == ["opened", "KILLED"]
    assert not (comparison.output_dir / "joint").exists()


@pytest.mark.parametrize("word", WORDS)
def test_while_training(sent, commands, comparison, word):
    commands(SLEEP)
    thread = when_up(comparison.output_dir / "joint" / "all" / "seed0" / "log.txt", lambda: press(word))
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_comparison(comparison, os.environ)
    thread.join()
    assert time.monotonic() - began < 40
    assert sent == ["opened", "training KILLED", "KILLED"]


def test_while_searching(sent, commands, comparison, monkeypatch):
    from dataclasses import replace

    commands(SLEEP)
    searched = replace(comparison, search=Search(1, {"lr": {"choices": [0.1]}}))
    folder = comparison.output_dir / "joint" / "search" / "trial"

    def choose(self, name):
        training = _run_comparison.plan(comparison)[0]
        self.train(replace(training, folder=folder, evaluate_args=None))

    monkeypatch.setattr(_run_comparison.MethodSearches, "choose", choose)
    thread = when_up(folder / "log.txt", lambda: press(signal.SIGTERM))
    with pytest.raises(KeyboardInterrupt):
        run_comparison(searched, os.environ)
    thread.join()
    assert sent == ["opened", "training KILLED", "KILLED"]


@pytest.mark.parametrize("word", WORDS)
def test_while_summing_up(sent, commands, comparison, word, monkeypatch):
    commands("pass")
    monkeypatch.setattr(_run_comparison, "collect", lambda *_: press(word) or time.sleep(60))
    with pytest.raises(KeyboardInterrupt):
        run_comparison(comparison, os.environ)
    assert sent == ["opened", "training FINISHED", "KILLED"]


def test_a_signal_that_a_library_passes_over_is_heard_at_the_end(sent, commands, comparison, monkeypatch):
    commands("pass")

    def deaf(*_):
        try:
            press(signal.SIGTERM)
            time.sleep(60)
        except KeyboardInterrupt:
            return _run_comparison.Result([], None, {}, "parent")

    monkeypatch.setattr(_run_comparison._Work, "_sum_up", deaf)
    with pytest.raises(KeyboardInterrupt):
        run_comparison(comparison, os.environ)
    assert sent[-1] == "KILLED"


def test_while_closing_it_changes_nothing(sent, commands, comparison, monkeypatch):
    commands("pass")
    monkeypatch.setattr(_run_comparison._Work, "_sum_up", lambda *_: _run_comparison.Result([], None, {}, "parent"))
    monkeypatch.setattr(Store, "closing", staticmethod(lambda: press(signal.SIGTERM)))
    assert run_comparison(comparison, os.environ).run_id == "parent"
    assert sent == ["opened", "training FINISHED", "FINISHED"]


def test_an_error_is_no_kill(sent, commands, comparison, monkeypatch):
    commands("pass")

    def full(*_):
        raise OSError("disk full")

    monkeypatch.setattr(_run_comparison, "collect", full)
    with pytest.raises(OSError, match="disk full"):
        run_comparison(comparison, os.environ)
    assert sent[-1] == "FAILED"


def test_a_second_ctrl_c_ends_the_grace_and_leaves_nobody(sent, commands, comparison):
    """The training ignores SIGTERM, has started a process of its own, and had ten minutes."""
    commands(GRANDCHILD)
    log = comparison.output_dir / "joint" / "all" / "seed0" / "log.txt"
    twice = [lambda: press(signal.SIGINT), lambda: time.sleep(0.5), lambda: press(signal.SIGINT)]
    thread = when_up(log, *twice)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_comparison(comparison, os.environ, grace=600)
    thread.join()
    assert time.monotonic() - began < 60
    assert sent == ["opened", "training KILLED", "KILLED"]
    child, grandchild, _ = log.read_text().split()
    assert gone(child)
    end = time.monotonic() + 20  # nobody waits for a grandchild: a busy machine takes its time to bury it
    while not gone(grandchild):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_closing_terminal_is_no_second_ctrl_c():
    """It sends SIGHUP twice: once by the kernel, once by the shell."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    children = ChildProcesses({}, grace=30)
    with Interrupts(children).listening():
        for word in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
            press(word)
        assert children.grace == 30
        press(signal.SIGINT)
        assert children.grace == 0


def test_it_is_raised_once():
    """Whoever is closing something because of the first one is not disturbed by the next."""
    interrupts, closed = Interrupts(ChildProcesses({})), []

    def work():
        try:
            press(signal.SIGTERM)
            time.sleep(60)
        finally:
            press(signal.SIGTERM)
            closed.append(True)

    with pytest.raises(KeyboardInterrupt), interrupts.listening(), interrupts.raising():
        work()
    assert closed == [True]


def test_what_is_ignored_stays_ignored():
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        interrupts = Interrupts(ChildProcesses({}))
        with interrupts.listening(), interrupts.raising():
            press(signal.SIGHUP)
        assert not interrupts.came
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
