"""Commands as child processes: each with its log file, all stopped together."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_logger = logging.getLogger(__name__)
_POLL = 0.05  # s


class StoppedError(Exception):
    """No more commands are started: everything is being stopped."""


class Children:
    """The commands at work, for several threads.

    Args:
        environment: of the commands.
        grace: seconds that a stopped command has to close what it opened, before it is killed.
    """

    def __init__(self, environment: Mapping[str, str], grace: float = 30.0) -> None:
        self.environment, self.grace = dict(environment), grace
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, command: Sequence[str], log: Path, held: Sequence[int] = ()) -> int:
        """Run a command to its end, its output appended to a file.

        Args:
            command: program and arguments; no shell sees them.
            log: file of what it says.
            held: file descriptors that it is to hold too, such as that of a lock.

        Returns:
            Its exit status, negative for a signal.

        Raises:
            StoppedError: if `stop` was called before or meanwhile.
        """
        with log.open("ab") as output:
            with self._lock:
                if self._stopped:
                    raise StoppedError("stopped")
                # A session of its own: Ctrl-C at the terminal is for the starter, which then stops all in order.
                process = subprocess.Popen(  # noqa: S603  # a list of arguments, without a shell
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=self.environment,
                    pass_fds=held,
                    start_new_session=True,
                )
                self._running.add(process)
            status = process.wait()
            with self._lock:
                self._running.discard(process)
        if self._stopped:
            raise StoppedError("stopped")
        return status

    def stop(self) -> None:
        """End all commands: SIGTERM first, so that they close their MLflow runs; SIGKILL after the grace."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            process.send_signal(signal.SIGTERM)  # which looks first whether it has ended
        if running:
            _logger.warning("stopping %d commands, in %g s at most; Ctrl-C again: at once.", len(running), self.grace)
        began = time.monotonic()
        while _alive(running) and time.monotonic() - began < self.grace:
            time.sleep(_POLL)
        for process in _alive(running):
            with suppress(ProcessLookupError):  # it may end meanwhile
                os.killpg(process.pid, signal.SIGKILL)  # and whatever it has started: it cannot do so itself any more
            process.wait()

    def hurry(self) -> None:
        """End the grace of a `stop` that is under way; may be called by a signal."""
        self.grace = 0.0


def _alive(processes: Sequence[subprocess.Popen[bytes]]) -> list[subprocess.Popen[bytes]]:
    return [process for process in processes if process.poll() is None]
