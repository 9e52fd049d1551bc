"""Open a file that may come from anywhere: only a regular file, never a pipe or a device, and never more than a cap."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fundus_mtl.photographs._unreadable import UnreadableImageError

MAX_BYTES = 2**29
"""Largest file that is read, in bytes (512 MiB). An uncompressed photograph of 80 million pixels and 16-bit colour fits."""

_PART = 2**20  # bytes that are hashed at a time
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


@contextmanager
def opened_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a regular file, open for reading.

    The kind is checked again on the open file: a name can be replaced in between. Opening never waits for the other end
    of a pipe.

    Raises:
        UnreadableImageError: if it is a pipe, a device or a socket.
        OSError: if it is a folder, or cannot be opened.
    """
    _refuse_others(os.stat(path).st_mode)  # before: opening some devices does something  # noqa: PTH116
    descriptor = os.open(path, _FLAGS)
    try:
        _refuse_others(os.fstat(descriptor).st_mode)
    except OSError:
        os.close(descriptor)
        raise
    with os.fdopen(descriptor, "rb") as file:
        yield file


def whole_bytes(path: Path, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the contents of a regular file, read once.

    Raises:
        UnreadableImageError: if it is no regular file, larger than ``max_bytes``, or grows while it is read.
        OSError: if it cannot be opened.
    """
    with opened_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > max_bytes:
            raise UnreadableImageError(f"expected a file of at most {max_bytes} bytes, but got {size}; reduce it.")
        data = file.read(size + 1)
    if len(data) != size:
        raise UnreadableImageError("expected a file at rest, but its size changed while it was read; run again.")
    return data


def photograph_sha256(path: Path) -> str:
    """Return the SHA-256 of a regular file that is no larger than a photograph may be, 64 hexadecimal digits.

    Raises:
        UnreadableImageError: if it is no regular file, or larger than `MAX_BYTES`.
        OSError: if it cannot be opened.
    """
    digest, left = hashlib.sha256(), MAX_BYTES
    with opened_file(path) as file:
        while part := file.read(_PART):
            left -= len(part)
            if left < 0:
                raise UnreadableImageError(f"expected a file of at most {MAX_BYTES} bytes, but got more; reduce it.")
            digest.update(part)
    return digest.hexdigest()


def _refuse_others(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise UnreadableImageError("expected a regular file, but got a pipe, a device or a socket.")
