"""The files that a datalist's item names."""

from __future__ import annotations

import os
from pathlib import Path


def relative(path: Path, out: Path) -> str:
    """Return a path as a datalist in the folder ``out`` (resolved) names it."""
    return Path(os.path.relpath(path, out)).as_posix()  # pathlib cannot walk up before Python 3.12


def photograph_of(folder: Path, file: str, name: str) -> Path:
    """Return the path of a photograph.

    Raises:
        FileNotFoundError: if there is no such file; the sentence names the photograph.
    """
    path = folder / file
    if not path.is_file():
        raise FileNotFoundError(
            f"{name}: expected the photograph {file}, but got no such file in {folder.name}; unpack it again."
        )
    return path


def file_below(folder: Path, cell: str, name: str) -> Path:
    """Return the path that a table's cell names, which must lie below the folder.

    Raises:
        ValueError: if it lies elsewhere.
    """
    path = folder / cell
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{name}: expected a file below {folder.name}, but got {cell}; correct the table.")
    return path


def checked_folder(raw: Path, data_set: str) -> Path:
    """Return the folder, resolved.

    Raises:
        FileNotFoundError: if there is no such folder.
    """
    if not raw.is_dir():
        raise FileNotFoundError(
            f"{data_set}: expected the folder {raw}, but got no such folder; name the one it was unpacked to."
        )
    return raw.resolve()
