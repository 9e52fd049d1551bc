"""A call has a limit of time; one that is over it is given up, and does not keep the program from ending."""

from __future__ import annotations

import math
import subprocess
import sys
import threading
import time

import pytest

from fundus_mtl.processes import StalledError, TimeLimit, TooSlowError
from fundus_mtl.processes import _time_limit as module


@pytest.fixture
def hang():
    """A call that ends with the test."""
    end = threading.Event()
    yield end.wait
    end.set()
    for thread in list(module._abandoned):
        thread.join(10)


def test_the_result_and_the_error_are_those_of_the_call():
    limit = TimeLimit(30.0, "read")
    assert limit(divmod, 17, 5) == (3, 2)
    with pytest.raises(ZeroDivisionError, match="division"):
        limit(divmod, 1, 0)
    with pytest.raises(KeyboardInterrupt):
        limit(_interrupt)
    assert limit(divmod, 18, 5) == (3, 3)


def _interrupt() -> None:
    raise KeyboardInterrupt


def test_none_calls_in_the_callers_thread():
    assert TimeLimit(None, "read")(threading.get_ident) == threading.get_ident()
    assert TimeLimit(30.0, "read")(threading.get_ident) != threading.get_ident()


def test_one_thread_serves_one_call_after_another():
    limit = TimeLimit(30.0, "read")
    assert len({limit(threading.get_ident) for _ in range(20)}) == 1


def test_a_limit_without_use_leaves_no_thread():
    limit = TimeLimit(30.0, "read")
    limit(len, "abc")
    (worker,) = limit._idle
    del limit
    worker.thread.join(10)
    assert not worker.thread.is_alive()


def test_a_call_over_its_limit_is_given_up_and_the_next_is_served(hang):
    limit = TimeLimit(0.2, "measured")
    began = time.monotonic()
    with pytest.raises(TooSlowError, match=r"expected a photograph that is measured within 0\.2 s, but it took longer"):
        limit(hang)
    assert 0.2 <= time.monotonic() - began < 5
    assert limit(len, "abc") == 3


def test_an_abandoned_thread_ends_with_its_call():
    end, limit = threading.Event(), TimeLimit(0.1, "read")
    with pytest.raises(TooSlowError):
        limit(end.wait)
    thread = module._abandoned[-1]
    assert thread.is_alive()
    end.set()
    thread.join(10)
    assert not thread.is_alive()


def test_calls_of_several_threads_run_at_the_same_time():
    limit, both = TimeLimit(30.0, "read"), threading.Barrier(2)
    threads = [threading.Thread(target=limit, args=(both.wait, 20)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not both.broken


def test_too_many_hanging_calls_end_the_run(hang, monkeypatch):
    monkeypatch.setattr(module, "MAX_ABANDONED", 2)
    limit = TimeLimit(0.05, "read")
    for _ in range(2):
        with pytest.raises(TooSlowError):
            limit(hang)
    with pytest.raises(StalledError, match="expected a disk that answers, but 3 photographs took longer"):
        limit(hang)


def test_a_closed_limit_waits_no_longer_than_a_few_seconds(hang, monkeypatch):
    monkeypatch.setattr(module, "_CLOSING", 0.1)
    limit = TimeLimit(600.0, "read")
    threading.Timer(0.1, limit.close).start()
    began = time.monotonic()
    with pytest.raises(TooSlowError):
        limit(hang)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("seconds", [0, -5, math.nan, math.inf, "60", True])
def test_other_limits_are_refused(seconds):
    with pytest.raises(ValueError, match="photograph_timeout: expected seconds above 0 or None, but got"):
        TimeLimit(seconds, "read")


def test_a_program_ends_while_a_call_hangs():
    """With its own exit status: the thread is in a library (C), which no one can interrupt."""
    code = (
        "import contextlib, socket, sys; from fundus_mtl.processes import TimeLimit, TooSlowError\n"
        "one, other = socket.socketpair()\n"
        "try: TimeLimit(0.2, 'read')(one.recv, 1)\n"
        "except TooSlowError: sys.exit(3)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (3, b"")
