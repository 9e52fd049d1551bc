"""A lock that lets one process at a time write to a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_FILE = ".lock"


class LockedError(Exception):
    """Another process writes to the folder."""


@contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Hold the lock of a folder.

    The kernel releases the lock when the last process that holds it has ended, even after a crash. A child process that
    inherits the file descriptor (``pass_fds``) holds the lock too: if its parent is killed, no other process can write to
    the folder until the child has ended.

    Args:
        folder: folder to lock; created if it does not exist.

    Yields:
        The file descriptor of the lock.

    Raises:
        LockedError: if another process holds the lock; the message names the process that took it.
    """
    import fcntl  # not on Windows, where the other commands must work

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise LockedError(
                f"expected {folder.name} to be unlocked, but got a lock of process {file.read().strip() or '?'}, which "
                "writes there; wait until it has ended."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield file.fileno()
