"""Child processes, locks and devices, shown with small commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from fundus_mtl.processes import LockedError
from fundus_mtl.processes._child_processes import ChildProcesses, StoppedError
from fundus_mtl.processes._interrupts import Interrupts
from fundus_mtl.processes._lock import locked
from fundus_mtl.processes._worker_pool import Devices, WorkerPool

SLEEP = "import time, sys; print('up', flush=True); time.sleep(60)"
POLITE = "import signal, sys; signal.signal(15, lambda *_: (print('closed', flush=True), sys.exit(0)));" + SLEEP
DEAF = "import signal; signal.signal(15, signal.SIG_IGN);" + SLEEP


def python(code):
    return [sys.executable, "-c", code]


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def up(log):
    return lambda: log.is_file() and b"up" in log.read_bytes()


def test_status_log_and_environment(tmp_path):
    children = ChildProcesses(os.environ | {"WORD": "hello"})
    log = tmp_path / "log.txt"
    log.write_text("before\n")
    code = "import os, sys; print(os.environ['WORD'], flush=True); print('bad', file=sys.stderr); sys.exit(3)"
    assert children.run(python(code), log) == 3
    assert log.read_text().splitlines() == ["before", "hello", "bad"]
    assert children.run(python("import os, signal; os.kill(os.getpid(), 9)"), log) == -9


def test_stop_asks_first_and_then_kills(tmp_path):
    children = ChildProcesses(os.environ, grace=0.5)
    logs, ends = [tmp_path / "polite.txt", tmp_path / "deaf.txt"], []

    def run(code, log):
        with pytest.raises(StoppedError):
            children.run(python(code), log)
        ends.append(log)

    threads = [threading.Thread(target=run, args=pair) for pair in zip((POLITE, DEAF), logs, strict=True)]
    for thread in threads:
        thread.start()
    for log in logs:
        wait_for(up(log))
    children.stop()
    for thread in threads:
        thread.join(10)
    assert sorted(ends) == sorted(logs)
    assert "closed" in logs[0].read_text()
    with pytest.raises(StoppedError):  # nothing is started any more
        children.run(python("print('late')"), tmp_path / "late.txt")
    assert "late" not in (tmp_path / "late.txt").read_text()


def test_many_that_end_while_they_are_killed(tmp_path):
    """Between the look at a process and its kill another may end by itself: no error, and all are gone."""
    children, ends = ChildProcesses(os.environ, grace=0.0), []

    def run(log):
        with pytest.raises(StoppedError):
            children.run(["sleep", "60"], log)
        ends.append(log)

    threads = [threading.Thread(target=run, args=(tmp_path / f"{index}.txt",)) for index in range(12)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(children._running) == 12)
    children.stop()
    for thread in threads:
        thread.join(10)
    assert len(ends) == 12


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("word", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_stops_the_children(tmp_path, word, workers):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # pytest-xdist's workers ignore Ctrl-C
    children, began = ChildProcesses(os.environ, grace=10), time.monotonic()
    interrupts = Interrupts(children)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    def press():
        wait_for(up(tmp_path / "0.txt"))
        os.kill(os.getpid(), word)

    thread = threading.Thread(target=press)
    thread.start()
    with (
        pytest.raises(KeyboardInterrupt),
        interrupts.listening(),
        WorkerPool(workers, children) as pool,
        interrupts.raising(),
    ):
        pool.run(lambda i: children.run(python(SLEEP), tmp_path / f"{i}.txt"), range(3), "test")
    thread.join()
    assert time.monotonic() - began < 30
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
    assert not children._running
    assert not (tmp_path / "2.txt").is_file() or b"up" not in (tmp_path / "2.txt").read_bytes()


def test_an_error_of_ours_stops_the_children_too(tmp_path):
    children = ChildProcesses(os.environ, grace=10)

    def work(i):
        if i:
            wait_for(up(tmp_path / "0.txt"))
            raise OSError("disk")
        return children.run(python(SLEEP), tmp_path / "0.txt")

    with pytest.raises(OSError, match="disk"), WorkerPool(2, children) as pool:
        pool.run(work, range(2), "test")
    assert not children._running


def test_answers_come_in_the_jobs_order():
    def slow_first(i):
        time.sleep(0.2 if i == 0 else 0)
        return i * i

    with WorkerPool(3, ChildProcesses({})) as pool:
        assert pool.run(slow_first, range(5), "test") == [0, 1, 4, 9, 16]
        assert pool.run(slow_first, [], "test") == []
        assert pool.run(slow_first, [7], "test") == [49]


def test_devices_are_handed_round():
    devices, seen = Devices(["cuda:0", "cuda:1"], 3), []
    with devices.borrowed() as one, devices.borrowed() as two, devices.borrowed() as three:
        seen = [one, two, three]
    assert sorted(seen) == ["cuda:0", "cuda:0", "cuda:1"]
    with pytest.raises(ZeroDivisionError), devices.borrowed():
        1 / 0  # noqa: B018
    with devices.borrowed() as one, devices.borrowed() as two, devices.borrowed() as three:  # all were given back
        assert sorted([one, two, three]) == sorted(seen)
    with Devices([], 1).borrowed() as none:
        assert none is None


def test_one_writer_per_folder(tmp_path):
    with locked(tmp_path / "a"):
        message = f"expected a to be unlocked, but got a lock of process {os.getpid()}"
        with pytest.raises(LockedError, match=message), locked(tmp_path / "a"):
            pass
        with locked(tmp_path / "b"):
            pass
    with locked(tmp_path / "a"):
        pass


def test_an_orphan_keeps_its_lock_and_a_dead_one_does_not(tmp_path):
    """The starter is killed; what it started still writes, and nobody else may until it ends."""
    code = (
        "import os, subprocess, sys; from pathlib import Path; from fundus_mtl.processes._lock import locked\n"
        f"with locked(Path({str(tmp_path)!r})) as held:\n"
        f"    child = subprocess.Popen([sys.executable, '-c', {SLEEP!r}], pass_fds=[held], stdout=subprocess.DEVNULL)\n"
        "    print(child.pid, flush=True); os.kill(os.getpid(), 9)\n"
    )
    starter = subprocess.run(python(code), stdout=subprocess.PIPE, check=False)
    assert starter.returncode == -9
    orphan = int(starter.stdout.split()[0])
    with pytest.raises(LockedError), locked(tmp_path):
        pass
    os.kill(orphan, signal.SIGKILL)

    def free():
        try:
            with locked(tmp_path):
                return True
        except LockedError:
            return False

    wait_for(free)


def test_a_command_holds_the_lock_that_it_is_given(tmp_path):
    children = ChildProcesses(os.environ, grace=10)

    def run(held):
        with pytest.raises(StoppedError):
            children.run(python(SLEEP), tmp_path / "log.txt", [held])

    with locked(tmp_path) as held:
        thread = threading.Thread(target=run, args=[held])
        thread.start()
        wait_for(up(tmp_path / "log.txt"))
    with pytest.raises(LockedError), locked(tmp_path):  # the starter has let go, the command has not
        pass
    children.stop()
    thread.join(10)
    with locked(tmp_path):
        pass
