"""Signals that ask a run to stop, as an exception, so that handlers can close what they opened."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def signals_as_exit() -> Iterator[None]:
    """Turn SIGTERM, and SIGHUP of a terminal that closes, into ``SystemExit`` with the exit status that a shell gives.

    An ignored SIGHUP (``nohup``) stays ignored. A terminal that closes sends it more than once: only the first one raises.
    Python handles signals in the main thread only.
    """

    def leave(number: int, _: Any) -> None:
        if hangup in before:
            signal.signal(hangup, signal.SIG_IGN)
        raise SystemExit(128 + number)

    hangup = getattr(signal, "SIGHUP", signal.SIGTERM)  # not on Windows
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in {signal.SIGTERM, hangup}:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
