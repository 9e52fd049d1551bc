"""Find the photographs of a clinic's folder: every file is an item, an item with an error, or counted as skipped."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from mimetypes import MimeTypes
from pathlib import Path
from typing import NamedTuple

from fundus_mtl.photographs._dicom import is_directory
from fundus_mtl.photographs._frames import PICTURE_EXTENSIONS, limited_frames, looks_like_photograph
from fundus_mtl.photographs._photograph_list import PhotographList
from fundus_mtl.processes import TimeLimit

OF_RESULTS = ("run.json", "journal.jsonl")  # files of every folder that `infer` has written
PHOTOGRAPH_EXTENSIONS = (*PICTURE_EXTENSIONS, ".dcm", ".dicom", ".mha", ".mhd", ".nrrd", ".nhdr", ".nii", ".nii.gz")

MAX_DEPTH = 100
"""Most levels of folders; deeper ones are not entered, since the results have the same folders."""

_logger = logging.getLogger(__name__)


def scan_folder(
    folder: str | Path,
    exclude: str | Path | Sequence[str | Path] | None = None,
    extensions: Collection[str] | None = None,
    timeout: float | None = None,
) -> PhotographList:
    """List the photographs below a folder, in the order of their relative paths; no pixels are decoded.

    Photographs are found by name and by content: a file with another extension, or without one, is a photograph if its
    first bytes are those of a format that is read (``.jfif``, ``.ima``, ``IM000001``). What has the name of a photograph
    but must not be opened (a folder named ``x.png``, a link that leads out of the folder or nowhere, a pipe) is listed with
    an ``error``, so that it becomes a failed row. All other files are counted in ``skipped`` and in one log line, by
    extension and without names, since file names may hold patients' names. Linked folders are never entered.

    A DICOM file with several frames is an item per frame, ``x.dcm#1`` first; one that is no photograph has an ``error``, and
    a DICOMDIR is skipped.

    Args:
        folder: root of the search; subfolders are searched too.
        exclude: folders or files below it to leave out, such as the folder for the results.
        extensions: lower-case extensions with the dot, such as ``.png``; compared without regard to case. Only files with
            these are listed then. None lists photographs of every name.
        timeout: limit of time for opening one file or folder, in s; None for no limit. See ``processes.TimeLimit``.

    Returns:
        Items ``{"id", "image"}``: the path relative to the folder with forward slashes, and the absolute path; with
        ``error``, one reason, where the entry cannot be a photograph.

    Raises:
        FileNotFoundError: if the folder does not exist.
        NotADirectoryError: if it is a file.
        ValueError: if nothing in it looks like a photograph.
        StalledError: if too many files or folders take longer than the limit.
    """
    given = Path(folder)
    if not given.exists():
        raise FileNotFoundError(f"expected a folder of photographs, but got {str(folder)!r}, which does not exist.")
    if not given.is_dir():
        raise NotADirectoryError(f"expected a folder of photographs, but got {str(folder)!r}, which is not a folder.")
    excluded = [exclude] if isinstance(exclude, str | Path) else list(exclude or ())
    scan = _Scan(given.resolve(), {Path(path).resolve() for path in excluded}, extensions, timeout)
    files = sorted(scan.files(), key=lambda item: item["id"])
    items = [item for file in files for item in limited_frames(file, scan.limit)]
    if scan.skipped:
        _logger.info(_describe(scan.skipped))
    if not items:
        wanted = " ".join(sorted(scan.extensions))
        raise ValueError(f"expected photographs ({wanted}) in {str(folder)!r}, but got none; check the folder.")
    return PhotographList(items, scan.skipped)


class _Found(NamedTuple):
    """What an entry of a folder is: photographs, kinds of skipped files, and folders to enter."""

    items: Sequence[dict[str, str]] = ()
    skipped: Sequence[str] = ()
    folders: Sequence[Path] = ()


class _Scan:
    """One walk through a folder, with the count of what was skipped."""

    def __init__(
        self,
        root: Path,
        excluded: Collection[Path],
        extensions: Collection[str] | None,
        timeout: float | None,
    ) -> None:
        self.root, self.excluded, self.by_content = root, excluded, extensions is None
        self.extensions = tuple(PHOTOGRAPH_EXTENSIONS if extensions is None else extensions)
        self.skipped: Counter[str] = Counter()
        self.limit = TimeLimit(timeout, "listed")

    def files(self) -> Iterator[dict[str, str]]:
        """Yield the items of all files."""
        folders = [self.root]
        while folders:
            folder = folders.pop()
            if len(folder.relative_to(self.root).parts) > MAX_DEPTH:
                yield self._item(folder, f"expected folders at most {MAX_DEPTH} deep, but got a deeper one; move it up")
                continue
            try:
                entries = self.limit(_entries, folder)
            except OSError as error:
                yield self._item(folder, f"the folder cannot be opened: {_why(error)}")
                continue
            for entry in entries:
                if entry in self.excluded:  # both are resolved: the root is, and linked folders are not entered
                    continue
                if entry.name.startswith("."):
                    self.skipped["hidden"] += 1
                    continue
                try:
                    found = self.limit(self._look, entry)
                except OSError as error:
                    found = _Found([self._item(entry, f"it cannot be opened: {_why(error)}")])
                self.skipped.update(found.skipped)
                folders += found.folders
                yield from found.items

    def _look(self, entry: Path) -> _Found:
        """Say what an entry of a folder is; it changes nothing, so that it can be given up."""
        linked, folder = entry.is_symlink(), entry.is_dir()
        items, skipped, folders = [], [], []
        if entry.name.lower().endswith(self.extensions):
            items.append(self._item(entry, self._refusal(entry)))
        elif self._is_photograph(entry):
            items.append(self._item(entry, None))
        elif linked and folder and self._leads_outside(entry):
            items.append(self._item(entry, "a link that leads out of the folder; it is not followed"))
        elif linked and folder:
            skipped.append("linked folder")
        elif not folder:
            skipped.append(_kind(entry))
        if folder and not linked and all((entry / name).is_file() for name in OF_RESULTS):
            skipped.append("folder of results")  # its masks and overlays are no photographs
        elif folder and not linked:
            folders.append(entry)
        return _Found(items, skipped, folders)

    def _is_photograph(self, entry: Path) -> bool:
        if not self.by_content or self._refusal(entry) is not None:
            return False
        return looks_like_photograph(entry) and not is_directory(entry)

    def _refusal(self, entry: Path) -> str | None:
        if entry.is_symlink() and not entry.exists():
            return "a broken link; its target does not exist"
        if self._leads_outside(entry):
            return "a link that leads out of the folder; it is not followed"
        if entry.is_dir():
            return "a folder, not a file"
        return None if entry.is_file() else "not a regular file"

    def _leads_outside(self, entry: Path) -> bool:
        return entry.is_symlink() and not entry.resolve().is_relative_to(self.root)  # linked folders are not entered

    def _item(self, entry: Path, error: str | None) -> dict[str, str]:
        # A file name need not be valid UTF-8; everything that is written has to be.
        name = os.fsencode(entry.relative_to(self.root).as_posix()).decode("utf-8", "backslashreplace")
        item = {"id": name, "image": str(entry)}
        return item if error is None else item | {"error": error}


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def _why(error: OSError) -> str:
    return error.strerror or str(error)


def _kind(entry: Path) -> str:
    """Return the extension if it is a common one: the end of ``eye.doe_john`` is part of a name."""
    suffix = entry.suffix.lower()
    known = suffix in MimeTypes().types_map[True]
    return (suffix if known else "of another extension") if suffix else "without extension"


def _describe(skipped: Counter[str]) -> str:
    total = sum(skipped.values())
    parts = ", ".join(f"{count} {kind}" for kind, count in skipped.most_common())
    return f"{total} file{'s' if total != 1 else ''} skipped: {parts}"
