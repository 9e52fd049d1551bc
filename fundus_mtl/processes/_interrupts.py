"""Turn the signals that stop a program into one ``KeyboardInterrupt``, so that everything is closed in order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fundus_mtl.processes._child_processes import ChildProcesses

_FORCE_AFTER = 3  # further presses of Ctrl-C after the first signal


class Interrupts:
    """Ctrl-C, SIGTERM and SIGHUP as one ``KeyboardInterrupt``, raised only inside `raising`.

    Code that opens or closes something runs outside of `raising`. A signal that comes there is remembered until later, so
    that nothing is left half open. A second Ctrl-C does not raise; it skips the grace period of the child processes that
    are being stopped. The fourth Ctrl-C raises wherever the program is, for example while it waits for a server that does
    not answer. A terminal that closes sends SIGHUP twice, which has neither effect.

    Args:
        children: child processes whose grace period a second Ctrl-C skips.
    """

    def __init__(self, children: ChildProcesses) -> None:
        self.children = children
        self.came = False
        self._raising = False
        self._again = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals inside the ``with`` block.

        Ignored signals stay ignored (``nohup``). In other threads than the main thread this does nothing, as Python demands.
        """
        before: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in map(int, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    before[number] = signal.signal(number, self._handle)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def raising(self) -> Iterator[None]:
        """Raise ``KeyboardInterrupt`` for a signal inside the ``with`` block, or for one that came before it.

        Raises:
            KeyboardInterrupt: at most once.
        """
        self._raising = True
        try:
            if not self.came:
                yield
        finally:
            self._raising = False
        if self.came:  # before this block, or where Python or a library swallowed the exception
            raise KeyboardInterrupt

    def _handle(self, number: int, _: Any) -> None:
        if self.came and number == signal.SIGINT:
            self.children.end_grace()
            self._again += 1
        self.came = True
        if self._raising or self._again >= _FORCE_AFTER:
            self._raising = False
            raise KeyboardInterrupt
