"""A lock that lets one process at a time write to a folder."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

LOCK_FILE = ".lock"
WITHOUT_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP})
"""Numbers of the errors of file systems that have no locks."""
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)  # a link would let the lock be written elsewhere
_logger = logging.getLogger(__name__)


class LockedError(Exception):
    """Another process writes to the folder."""

    exit_code = 2


def alone(folder: str | Path, lock: str | Path | None, *calls: Callable[[], object] | None) -> None:
    """Call functions while no other process writes to a folder.

    On a system without locks (Windows, some network disks), log a warning and call them.

    Args:
        folder: Folder that the functions write to, for the message.
        lock: Folder of the lock, created if needed: inside ``folder``, where another program may hold the lock of the
            whole folder; None for no lock.
        calls: Functions, in order; None is left out.

    Raises:
        LockedError: If another process holds the lock.
    """
    with ExitStack() as held:
        try:
            if lock is not None:
                held.enter_context(locked(Path(lock), Path(folder).name))
        except ModuleNotFoundError:  # Windows
            _warn()
        except OSError as error:
            if error.errno not in WITHOUT_LOCKS:
                raise
            _warn()
        for call in calls:
            if call is not None:
                call()


def _warn() -> None:
    _logger.warning("the output folder cannot be locked on this system: start one run at a time for each folder")


@contextmanager
def locked(folder: Path, name: str | None = None) -> Iterator[int]:
    """Hold the lock of a folder.

    The kernel releases the lock when the last process that holds it has ended, even after a crash. A child process that
    inherits the file descriptor (``pass_fds``) holds the lock too: if its parent is killed, no other process can write to
    the folder until the child has ended.

    Args:
        folder: folder to lock; created if it does not exist.
        name: name of the folder in the message; default: its own.

    Yields:
        The file descriptor of the lock.

    Raises:
        LockedError: if another process holds the lock; the message names the process that took it.
        OSError: if the lock's file is a link, or cannot be written.
    """
    import fcntl  # not on Windows, where the other commands must work

    folder.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(folder / LOCK_FILE, _FLAGS, 0o666), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read(32).strip() or "?"
            raise LockedError(
                f"expected {name or folder.name} to be unlocked, but got a lock of process {owner}, which writes there; "
                "wait until it has ended."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield file.fileno()
