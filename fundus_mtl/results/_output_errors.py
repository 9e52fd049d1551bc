"""Errors that say that nothing more can be written."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from fundus_mtl.files import write_whole

ABOUT_ONE_NAME = frozenset({errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST})


class OutputError(Exception):
    """Nothing more can be written (a full disk, no permission), so that the run has to stop.

    It is neither an ``OSError`` nor a ``RuntimeError``: nobody may take it for the fault of one photograph.
    """

    exit_code = 2  # of a command, as for an output folder that is refused at the start


def write_output(path: Path, content: bytes | str | Iterable[str]) -> None:
    """Write a file of the results, whole or not at all.

    Args:
        path: of the file; missing folders are made.
        content: all of it, or its pieces.

    Raises:
        OutputError: if the output cannot be written at all.
        OSError: if only this name is impossible, for instance too long.
    """
    try:
        write_whole(path, content)
    except OSError as error:
        if error.errno in ABOUT_ONE_NAME:
            raise
        refuse_output(error)


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
