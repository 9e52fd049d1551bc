"""Files that are whole or not there: written beside their place, then renamed into it."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from uuid import uuid4

ABOUT_ONE_NAME = frozenset({errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST})


class OutputError(Exception):
    """Nothing more can be written (a full disk, no permission), so that the run has to stop.

    It is neither an ``OSError`` nor a ``RuntimeError``: nobody may take it for the fault of one photograph.
    """


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a file, text as UTF-8, so that a reader or a killed run never sees half of it.

    Args:
        path: of the file; missing folders are made.
        content: the whole of it.

    Raises:
        OutputError: if the output cannot be written at all.
        OSError: if only this name is impossible, for instance too long.
    """
    part = path.with_name(f".{uuid4().hex}.part")  # short, for a file's name may be as long as the system allows
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        _remove(part)
        if error.errno in ABOUT_ONE_NAME:
            raise
        raise OutputError(
            f"expected to write the results, but got {error.strerror!r}; what is written so far is valid, "
            "make room or choose another output folder and run again."
        ) from error


def _remove(part: Path) -> None:
    try:
        part.unlink(missing_ok=True)
    except OSError:  # the reason that the write failed for is the one to tell
        return
