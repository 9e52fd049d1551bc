"""The error for an output to which nothing more can be written."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from fundus_mtl.files import write_whole

ABOUT_ONE_NAME = frozenset({errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST})


class OutputError(Exception):
    """Nothing more can be written (a full disk, no permission), so the run has to stop.

    It is neither an ``OSError`` nor a ``RuntimeError``, which would be taken for an error of one photograph.
    """

    exit_code = 2  # exit status of a command, as for an output folder that is refused at the start


class OutputRefusedError(ValueError):
    """An output folder that cannot take the results of a run; the message names nothing but that folder."""

    exit_code = 2


def write_output(path: Path, content: bytes | str | Iterable[bytes | str]) -> None:
    """Write a file of the results, whole or not at all.

    Args:
        path: Path of the file; missing folders are created.
        content: Content of the file, or its pieces.

    Raises:
        OutputError: If the output cannot be written at all.
        OSError: If only this name is impossible, for instance too long.
    """
    try:
        write_whole(path, content)
    except OSError as error:
        if error.errno in ABOUT_ONE_NAME:
            raise
        refuse_output(error)


def refuse_output(error: OSError) -> NoReturn:
    """Raise the error for an output to which nothing more can be written.

    Raises:
        OutputError: Always.
    """
    raise OutputError(
        f"expected to write the results, but got {error.strerror!r}; what is written so far is valid; "
        "free some space or choose another output folder and run again."
    ) from error


@contextmanager
def output_errors() -> Iterator[None]:
    """Turn errors of the operating system into `OutputError`."""
    try:
        yield
    except OSError as error:
        refuse_output(error)
