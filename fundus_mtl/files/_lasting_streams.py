"""Standard output and standard error that never end a run: closed, full, or unable to encode a name."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, cast


@contextmanager
def lasting_streams() -> Iterator[None]:
    r"""Make writing to ``sys.stdout`` and ``sys.stderr`` safe inside the ``with`` block.

    A character that the stream cannot encode is written as its escape sequence, such as ``\xe9``. After an error (the
    reader of a pipe has ended, the disk is full, the terminal is gone) the rest of that stream's output is discarded.
    """
    _occupy_descriptors()
    before = sys.stdout, sys.stderr
    safe = _LastingStream(before[0]), _LastingStream(before[1])
    sys.stdout, sys.stderr = (cast(TextIO, stream) for stream in safe)
    try:
        yield
    finally:
        for stream in safe:
            stream.flush()  # or Python would do it at exit, and end with status 120 if it fails
        sys.stdout, sys.stderr = before


class _LastingStream:
    """A text stream whose ``write`` and ``flush`` do not raise; everything else is the stream's own.

    Args:
        stream: The stream; None, as Python sets it for a closed descriptor, discards everything.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream: TextIO | _Nowhere = _Nowhere() if stream is None else stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            self._write(text)
        except (OSError, ValueError):  # ValueError: the stream is closed
            self._discard()
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._discard()

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            encoding = self._stream.encoding or "ascii"
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))

    def _discard(self) -> None:
        """Let the stream lead nowhere, with what it still has in its buffer."""
        try:
            descriptor = self._stream.fileno()
            with Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), descriptor)
        except (OSError, ValueError):  # not a file of the system, or closed
            self._stream = _Nowhere()


class _Nowhere(io.TextIOBase):
    """A text stream that discards everything."""

    def write(self, text: str, /) -> int:
        return len(text)


def _occupy_descriptors() -> None:
    """Open the null device at closed standard descriptors: the next file would get the number, and libraries write to it."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
