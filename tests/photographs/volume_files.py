"""mha and nrrd files written by hand, and what tells whether another file was opened."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

HEIGHT, WIDTH = 6, 10
_opened: list[str] | None = None


def grey() -> np.ndarray:
    return np.arange(1, HEIGHT * WIDTH + 1, dtype=np.uint8).reshape(HEIGHT, WIDTH)


def mha(path: Path, *lines: str, pixels: bytes = grey().tobytes(), end: str = "ElementDataFile = LOCAL") -> Path:
    """Write a plain header with lines put in before its end, and the pixels."""
    head = ["ObjectType = Image", "NDims = 2", f"DimSize = {WIDTH} {HEIGHT}", "ElementType = MET_UCHAR", *lines, end]
    path.write_bytes("\n".join([*head, ""]).encode("latin-1") + pixels)
    return path


def packed_mha(path: Path, packed: bytes, *lines: str) -> Path:
    return mha(path, "CompressedData = True", f"CompressedDataSize = {len(packed)}", *lines, pixels=packed)


def nrrd(path: Path, *lines: str, pixels: bytes = grey().tobytes(), encoding: str = "raw") -> Path:
    head = [
        "NRRD0004",
        "type: unsigned char",
        "dimension: 2",
        f"sizes: {WIDTH} {HEIGHT}",
        f"encoding: {encoding}",
        *lines,
    ]
    path.write_bytes("\n".join([*head, "", ""]).encode("latin-1") + pixels)
    return path


def deflated(data: bytes = grey().tobytes()) -> bytes:
    return zlib.compress(data)


def gzipped(data: bytes = grey().tobytes()) -> bytes:
    return gzip.compress(data, mtime=0)


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _opened is not None and not isinstance(arguments[0], int):  # not a descriptor
        _opened.append(str(arguments[0]))


@contextmanager
def opened_files() -> Iterator[list[str]]:
    """Yield the names of the files that Python opens meanwhile."""
    global _opened
    if not getattr(sys, "_photograph_hook", False):
        sys.addaudithook(_hook)  # it cannot be taken away again
        sys._photograph_hook = True  # type: ignore[attr-defined]
    _opened = []
    try:
        yield _opened
    finally:
        _opened = None
