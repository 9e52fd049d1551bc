"""Signals that end a comparison, in such a way that everything is closed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fundus_mtl.processes._commands import Children

_IMPATIENT = 3  # presses after the first


class Interrupts:
    """Ctrl-C, SIGTERM and SIGHUP as one ``KeyboardInterrupt``, raised only where it is heeded.

    Whatever opens or closes something stands outside of `heeded`: there a signal waits, so that nothing is left half
    open, whenever it comes. A second Ctrl-C raises nothing either: it ends the grace of the children that are being
    stopped. The fourth ends the command wherever it is, such as in waiting for a server that does not answer. A closing
    terminal sends SIGHUP twice, which must do neither.

    Args:
        children: of which a second Ctrl-C makes short work.
    """

    def __init__(self, children: Children) -> None:
        self.children = children
        self.came = False
        self._heeded = False
        self._again = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear the signals; those that are ignored stay so (``nohup``). Python lets the main thread listen only."""
        before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in map(int, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    before[number] = signal.signal(number, self._hear)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Raise what comes, or has come already.

        Raises:
            KeyboardInterrupt: once.
        """
        self._heeded = True
        try:
            if not self.came:
                yield
        finally:
            self._heeded = False
        if self.came:  # before, or in a place whose exceptions Python or a library passes over
            raise KeyboardInterrupt

    def _hear(self, number: int, _: Any) -> None:
        if self.came and number == signal.SIGINT:
            self.children.hurry()
            self._again += 1
        self.came = True
        if self._heeded or self._again >= _IMPATIENT:
            self._heeded = False
            raise KeyboardInterrupt
