"""The photographs of a folder or of a list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fundus_mtl.photographs._photograph_list import PhotographList
from fundus_mtl.photographs._scan_folder import scan_folder
from fundus_mtl.photographs._scan_list import scan_list


def find_photographs(source: str | Path, exclude: str | Path | Sequence[str | Path] | None = None) -> PhotographList:
    """List the photographs of a folder (``scan_folder``), or of a file that ends in .csv (``scan_list``).

    Args:
        source: folder or list.
        exclude: folders or files below the folder to leave out; without effect on a list.

    Returns:
        Items ``{"id", "image"}``, with ``error`` where the entry cannot be a photograph, and the count of skipped files.

    Raises:
        FileNotFoundError: if there is no such folder or list.
        NotADirectoryError: if it is another file.
        ValueError: if there is no photograph in it.
    """
    if Path(source).is_file() and Path(source).suffix.lower() == ".csv":
        return scan_list(source)
    return scan_folder(source, exclude)
