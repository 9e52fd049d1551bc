"""Photographs whose pictures would overwrite each other, on file systems that treat different names as equal too."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable
from functools import cached_property
from pathlib import Path
from uuid import uuid4

from fundus_mtl.results._native_names import native
from fundus_mtl.results._output_errors import output_errors
from fundus_mtl.results._picture_paths import picture_name


class PicturePlaces:
    """The names of a run's pictures, so that no photograph overwrites the pictures of another one.

    Args:
        output_dir: Folder of the run.
        names: Ids of all photographs; of several with the same place the first one keeps it.
    """

    def __init__(self, output_dir: Path, names: Iterable[str]) -> None:
        self._output_dir = output_dir
        self._rivals: dict[str, str] = {}
        first: dict[str, str] = {}
        for name in names:
            place = folded(picture_name(name))
            if first.setdefault(place, name) != name:
                self._rivals[name] = first[place]

    def check(self, name: str) -> None:
        """Check that the pictures of a photograph can be written and overwrite no others.

        Raises:
            ValueError: If they would; the message names the other photograph.
            OutputError: If nothing can be written to the output folder.
        """
        rival = self._rivals.get(name)
        if rival is not None and (picture_name(rival) == picture_name(name) or self._folds):
            raise ValueError(
                "expected a name that differs from others by more than upper case or Unicode form, but got one like "
                f"{rival!r}, and the output folder's file system treats them as equal; rename the file."
            )

    @cached_property
    def _folds(self) -> bool:
        return folds_names(self._output_dir)


def folded(name: str) -> str:
    """Return a name as file systems compare names that ignore case and Unicode form."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def folds_names(folder: Path) -> bool:
    """Return whether a folder's file system treats names as equal that differ in case or Unicode form only.

    Raises:
        OutputError: If no file can be written to the folder.
    """
    name = f".{uuid4().hex}.part.\u00e9"
    with output_errors():
        probe = folder / native(name)
        probe.touch()
        try:
            spellings = {unicodedata.normalize("NFD", name), name.upper()}
            return any((folder / native(spelling)).exists() for spelling in spellings)
        finally:
            probe.unlink()


def is_kept(output_dir: Path, file: str, kept: Collection[str], kept_folded: Collection[str]) -> bool:
    """Return whether a file below the output folder is one of those to keep.

    Args:
        output_dir: Folder of the run.
        file: Path of the file, relative to it.
        kept: Files to keep.
        kept_folded: The same, each `folded`.

    Raises:
        OutputError: See `folds_names`.
    """
    return file in kept or (folded(file) in kept_folded and folds_names(output_dir))
