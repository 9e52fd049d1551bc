"""Files that are whole or not there: written beside their place, then renamed into it."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

ABOUT_ONE_NAME = frozenset({errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST})
_PART = re.compile(r"\.[0-9a-f]{32}\.part")


class OutputError(Exception):
    """Nothing more can be written (a full disk, no permission), so that the run has to stop.

    It is neither an ``OSError`` nor a ``RuntimeError``: nobody may take it for the fault of one photograph.
    """

    exit_code = 2  # of a command, as for an output folder that is refused at the start


def write_atomically(path: Path, content: bytes | str | Iterable[str]) -> None:
    """Write a file, text as UTF-8, so that a reader or a killed run never sees half of it.

    Args:
        path: of the file; missing folders are made.
        content: the whole of it, or its pieces one after the other, so that a long table need not be held in memory.

    Raises:
        OutputError: if the output cannot be written at all.
        OSError: if only this name is impossible, for instance too long.
    """
    part = path.with_name(f".{uuid4().hex}.part")  # short, for a file's name may be as long as the system allows
    pieces = [content] if isinstance(content, bytes | str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("xb") as file:
            for piece in pieces:
                file.write(piece.encode() if isinstance(piece, str) else piece)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        _remove(part)
        if error.errno in ABOUT_ONE_NAME:
            raise
        refuse_output(error)
    except BaseException:  # Ctrl-C, or a piece that could not be made
        _remove(part)
        raise


def refuse_output(error: OSError) -> NoReturn:
    """Say that nothing more can be written.

    Raises:
        OutputError: always.
    """
    raise OutputError(
        f"expected to write the results, but got {error.strerror!r}; what is written so far is valid, "
        "make room or choose another output folder and run again."
    ) from error


@contextmanager
def output_errors() -> Iterator[None]:
    """Turn what the system says of the output into `OutputError`."""
    try:
        yield
    except OSError as error:
        refuse_output(error)


def is_part(path: Path) -> bool:
    """Return whether a file is what a killed run left of an unfinished one."""
    return _PART.fullmatch(path.name) is not None


def _remove(part: Path) -> None:
    try:
        part.unlink(missing_ok=True)
    except OSError:  # the reason that the write failed for is the one to tell
        return
