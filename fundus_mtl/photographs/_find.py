"""The photographs of a folder or of a list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fundus_mtl.photographs._photograph_list import PhotographList
from fundus_mtl.photographs._scan_folder import scan_folder
from fundus_mtl.photographs._scan_list import scan_list


def find_photographs(
    source: str | Path, exclude: str | Path | Sequence[str | Path] | None = None, shard: str | None = None
) -> PhotographList:
    """List the photographs of a folder (``scan_folder``), or of a file that ends in .csv (``scan_list``).

    Args:
        source: folder or list.
        exclude: folders or files below the folder to leave out; without effect on a list.
        shard: one of several parts, such as ``2/8``, see `PhotographList.part`; None for all photographs.

    Returns:
        Items ``{"id", "image"}``, with ``error`` where the entry cannot be a photograph, and the count of skipped files.

    Raises:
        FileNotFoundError: if there is no such folder or list.
        NotADirectoryError: if it is another file.
        ValueError: if there is no photograph in it, or no such shard.
    """
    listed = Path(source).is_file() and Path(source).suffix.lower() == ".csv"
    found = scan_list(source) if listed else scan_folder(source, exclude)
    return found if shard is None else found.part(shard)
