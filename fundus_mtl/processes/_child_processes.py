"""Commands as child processes: each writes to its own log file, and all are stopped together."""

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
    """No command can be started any more, because all are being stopped."""


class ChildProcesses:
    """The running commands; may be used from several threads.

    Args:
        environment: environment variables of the commands.
        grace: seconds between SIGTERM and SIGKILL, in which a stopped command can close what it has opened.
    """

    def __init__(self, environment: Mapping[str, str], grace: float = 30.0) -> None:
        self.environment, self.grace = dict(environment), grace
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(self, command: Sequence[str], log: Path, held: Sequence[int] = ()) -> int:
        """Run a command until it ends, and append its output to a file.

        Args:
            command: program and arguments; they do not pass through a shell.
            log: file that standard output and standard error are appended to.
            held: file descriptors that the command inherits, such as the one of a lock.

        Returns:
            The exit status; negative if a signal ended the command.

        Raises:
            StoppedError: if `stop` was called before or while the command ran.
        """
        with log.open("ab") as output:
            with self._lock:
                if self._stopped:
                    raise StoppedError("stopped")
                # In a session of its own, so that Ctrl-C reaches only this process, which stops its children in order.
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
        """Stop all commands: SIGTERM first, so that they can close their MLflow runs, SIGKILL after the grace period."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            process.send_signal(signal.SIGTERM)  # does nothing if the process has ended
        if running:
            _logger.warning(
                "Stopping %d commands within %g s; press Ctrl-C again to kill them now.", len(running), self.grace
            )
        began = time.monotonic()
        while _alive(running) and time.monotonic() - began < self.grace:
            time.sleep(_POLL)
        for process in _alive(running):
            with suppress(ProcessLookupError):  # it may have ended by now
                os.killpg(process.pid, signal.SIGKILL)  # the group: its own children too, which it can no longer stop
            process.wait()

    def end_grace(self) -> None:
        """Skip the rest of the grace period of a running `stop`; may be called from a signal handler."""
        self.grace = 0.0


def _alive(processes: Sequence[subprocess.Popen[bytes]]) -> list[subprocess.Popen[bytes]]:
    return [process for process in processes if process.poll() is None]
