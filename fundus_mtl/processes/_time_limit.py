"""Call functions with a limit of time, also those that wait in a decoder or for a disk that does not answer."""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError, wait
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")
Job = tuple[Callable[[], Any], Future[Any]]

MAX_ABANDONED = 8
"""Calls that were given up and still run: each holds a thread and its memory until it returns."""

_CLOSING = 5.0  # s that a call may still take after `TimeLimit.close`
_POLL = 0.5  # s between two looks whether the limit was closed
_abandoned: list[threading.Thread] = []
_abandoned_lock = threading.Lock()


class TooSlowError(TimeoutError):
    """A call took longer than its limit. It concerns one photograph; a later run tries again."""


class StalledError(Exception):
    """Too many calls were given up and still run, so the run has to stop; the same command resumes it later.

    It is neither an ``OSError`` nor a ``RuntimeError``, which would be taken for an error of one photograph.
    """

    exit_code = 2


class TimeLimit:
    """Call functions, each for at most so many seconds; may be used from several threads.

    A call runs in a thread that is kept for the next one; this takes about 0.05 ms. Python cannot interrupt a library that
    decodes or waits for a disk. So a call over its limit is given up: its caller gets an error, and its thread ends when
    the call returns, or with the program.

    Args:
        seconds: Limit of one call; None calls in the caller's thread, without a limit.
        what: What the call does with a photograph, for the message: ``"read"``.

    Raises:
        ValueError: If ``seconds`` is no positive number.

    Example:
        >>> TimeLimit(60.0, "read")(len, "abc")
        3
    """

    def __init__(self, seconds: float | None, what: str) -> None:
        if seconds is not None and not (_is_number(seconds) and 0 < seconds < math.inf):
            raise ValueError(f"photograph_timeout: expected seconds above 0 or None, but got {seconds!r}.")
        self.seconds, self.what = seconds, what
        self._end = math.inf
        self._idle: list[_Worker] = []
        weakref.finalize(self, _dismiss, self._idle)

    def __call__(self, function: Callable[..., Result], *given: Any) -> Result:
        """Return what the function returns for these arguments.

        Raises:
            TooSlowError: If it takes longer than the limit.
            StalledError: If more than `MAX_ABANDONED` calls that were given up still run.
            BaseException: What the function raises.
        """
        if self.seconds is None:
            return function(*given)
        worker = self._idle.pop() if self._idle else _Worker()
        future = worker.start(partial(function, *given))
        self._wait(future, time.monotonic() + self.seconds)
        if _abandoned_now(future):
            _refuse_many(worker.thread)
            raise TooSlowError(
                f"expected a photograph that is {self.what} within {self.seconds:g} s, but it took longer; check the "
                "file and its disk, or raise photograph_timeout."
            )
        self._idle.append(worker)
        result: Result = future.result()
        return result

    def close(self) -> None:
        """Leave a few seconds to the calls that are running; for a run that ends early."""
        self._end = time.monotonic() + _CLOSING

    def _wait(self, future: Future[Any], end: float) -> None:
        while not future.done() and (left := min(end, self._end) - time.monotonic()) > 0:
            wait([future], timeout=min(left, _POLL))


class _Worker:
    """A thread that does one job after another and does not keep the program from ending."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self.thread = threading.Thread(target=self._work, name="timed", daemon=True)
        self.thread.start()

    def start(self, call: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        self._jobs.put((call, future))
        return future

    def dismiss(self) -> None:
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            call, future = job
            try:
                _settle(call, future)
            except InvalidStateError:  # it was given up
                return
            del job, call, future  # the result may be large, and the next job may be far away


def _settle(call: Callable[[], Any], future: Future[Any]) -> None:
    try:
        result = call()
    except BaseException as error:  # also an interrupt: the caller gets it
        future.set_exception(error)
    else:
        future.set_result(result)


def _abandoned_now(future: Future[Any]) -> bool:
    """Give up a job that has not ended; return whether it was."""
    try:
        future.set_exception(TooSlowError())
    except InvalidStateError:
        return False
    return True


def _refuse_many(thread: threading.Thread) -> None:
    with _abandoned_lock:
        _abandoned[:] = [*(each for each in _abandoned if each.is_alive()), thread]
        count = len(_abandoned)
    if count > MAX_ABANDONED:
        raise StalledError(
            f"expected a disk that answers, but {count} photographs took longer than photograph_timeout and are still being "
            "worked on; check the disk and run the same command again, which resumes."
        )


def _dismiss(idle: list[_Worker]) -> None:
    for worker in idle:
        worker.dismiss()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
