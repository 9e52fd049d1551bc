"""Files that are there as a whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a place beside a file to write to; rename it into place at the end, or remove it after an error.

    The place keeps the file's suffix, by which libraries choose a format. Missing folders are made.

    Args:
        path: of the file.

    Example:
        >>> with whole_file("table.csv") as partial:  # doctest: +SKIP
        ...     partial.write_text("id")
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    except BaseException:  # Ctrl-C too leaves no rest
        partial.unlink(missing_ok=True)
        raise
