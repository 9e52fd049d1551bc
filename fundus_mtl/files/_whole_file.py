"""Files that are whole or absent: written beside their place, synced, then renamed into it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

_PART = re.compile(r"\.[0-9a-f]{32}\.part(\.[^.]+)?")


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a path to write to; sync it and rename it into place at the end, or remove it after an error.

    The path keeps the file's suffix, by which libraries choose a format, and is different for every call, so that two
    processes never write to the same one. Missing folders are made. The name is short: a file's own name may be as long
    as the system allows.

    Args:
        path: Path of the file.

    Example:
        >>> with whole_file("table.csv") as part:  # doctest: +SKIP
        ...     part.write_text("id")
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid4().hex}.part{path.suffix if len(path.suffix) <= 8 else ''}")
    try:
        yield part
        _sync(part)
        part.replace(path)
    except BaseException:  # Ctrl-C must not leave a part behind either
        with suppress(OSError):  # the error that stopped the writing is the one to report
            part.unlink(missing_ok=True)
        raise


def write_whole(path: str | Path, content: bytes | str | Iterable[bytes | str]) -> Path:
    """Write a file, text as UTF-8, so that a reader or a killed process never sees half of it; return its path.

    Args:
        path: Path of the file; missing folders are made.
        content: The whole content, or its pieces in order, so that a long table need not be held in memory.
    """
    pieces = [content] if isinstance(content, bytes | str) else content
    with whole_file(path) as part, part.open("xb") as file:
        for piece in pieces:
            file.write(piece.encode() if isinstance(piece, str) else piece)
    return Path(path)


def is_part(path: Path) -> bool:
    """Return whether a file is what a killed process left of an unfinished one."""
    return _PART.fullmatch(path.name) is not None


def _sync(part: Path) -> None:
    with part.open("rb") as file:
        os.fsync(file.fileno())
