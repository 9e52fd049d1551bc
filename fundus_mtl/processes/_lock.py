"""One writer per folder."""

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
    """Hold a folder's lock; the kernel lets go of it when the last process that holds it is gone, however it ended.

    Processes that are given the file descriptor (``pass_fds``) hold it too: should their starter be killed, nobody else
    writes to the folder while they still do.

    Args:
        folder: made if need be.

    Yields:
        The file descriptor.

    Raises:
        LockedError: if another process holds it; the number of the one that took it is named.
    """
    import fcntl  # not on Windows, where the other verbs must work

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise LockedError(
                f"expected to write to {folder.name} alone, but got what process {file.read().strip() or '?'} has started "
                "at work there; wait for its end."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield file.fileno()
