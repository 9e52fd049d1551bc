"""The photographs of a folder or of a list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fundus_mtl.photographs._photograph_list import PhotographList
from fundus_mtl.photographs._scan_folder import scan_folder
from fundus_mtl.photographs._scan_list import scan_list


def find_photographs(
    source: str | Path,
    exclude: str | Path | Sequence[str | Path] | None = None,
    shard: str | None = None,
    timeout: float | None = None,
) -> PhotographList:
    """List the photographs of a folder (``scan_folder``), or of a file that ends in .csv (``scan_list``).

    Args:
        source: folder or list.
        exclude: folders or files below the folder to leave out; without effect on a list.
        shard: one of several parts, such as ``2/8``, see `PhotographList.part`; None for all photographs.
        timeout: limit of time for opening one file or folder, in s; None for no limit.

    Returns:
        Items ``{"id", "image"}``, with ``error`` where the entry cannot be a photograph, and the count of skipped files.

    Raises:
        FileNotFoundError: if there is no such folder or list.
        NotADirectoryError: if it is another file.
        ValueError: if there is no photograph in it, or no such shard.
        StalledError: if too many files or folders take longer than the limit.
    """
    listed = Path(source).is_file() and Path(source).suffix.lower() == ".csv"
    found = scan_list(source, timeout) if listed else scan_folder(source, exclude, timeout=timeout)
    return found if shard is None else found.part(shard)
