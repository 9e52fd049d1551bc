"""Find the photographs of a clinic's folder: every file is an item, an item with an error, or counted as skipped."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from mimetypes import MimeTypes
from pathlib import Path

from fundus_mtl.photographs._dicom import is_directory
from fundus_mtl.photographs._frames import PICTURE_EXTENSIONS, looks_like_photograph, with_frames
from fundus_mtl.photographs._photograph_list import PhotographList

OF_RESULTS = ("run.json", "journal.jsonl")  # files of every folder that `infer` has written
PHOTOGRAPH_EXTENSIONS = (*PICTURE_EXTENSIONS, ".dcm", ".dicom", ".mha", ".mhd", ".nrrd", ".nhdr", ".nii", ".nii.gz")

_logger = logging.getLogger(__name__)


def scan_folder(
    folder: str | Path,
    exclude: str | Path | Sequence[str | Path] | None = None,
    extensions: Collection[str] | None = None,
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

    Returns:
        Items ``{"id", "image"}``: the path relative to the folder with forward slashes, and the absolute path; with
        ``error``, one reason, where the entry cannot be a photograph.

    Raises:
        FileNotFoundError: if the folder does not exist.
        NotADirectoryError: if it is a file.
        ValueError: if nothing in it looks like a photograph.
    """
    given = Path(folder)
    if not given.exists():
        raise FileNotFoundError(f"expected a folder of photographs, but got {str(folder)!r}, which does not exist.")
    if not given.is_dir():
        raise NotADirectoryError(f"expected a folder of photographs, but got {str(folder)!r}, which is not a folder.")
    excluded = [exclude] if isinstance(exclude, str | Path) else list(exclude or ())
    scan = _Scan(given.resolve(), {Path(path).resolve() for path in excluded}, extensions)
    files = sorted(scan.below(scan.root), key=lambda item: item["id"])
    items = [item for file in files for item in with_frames(file)]
    if scan.skipped:
        _logger.info(_describe(scan.skipped))
    if not items:
        wanted = " ".join(sorted(scan.extensions))
        raise ValueError(f"expected photographs ({wanted}) in {str(folder)!r}, but got none; check the folder.")
    return PhotographList(items, scan.skipped)


class _Scan:
    """One walk through a folder, with the count of what was skipped."""

    def __init__(self, root: Path, excluded: Collection[Path], extensions: Collection[str] | None) -> None:
        self.root, self.excluded, self.by_content = root, excluded, extensions is None
        self.extensions = tuple(PHOTOGRAPH_EXTENSIONS if extensions is None else extensions)
        self.skipped: Counter[str] = Counter()

    def below(self, folder: Path) -> Iterator[dict[str, str]]:
        """Yield the items of a folder and of those inside it, in the order of their names."""
        try:
            entries = sorted(folder.iterdir())
        except OSError as error:
            yield self._item(folder, f"the folder cannot be opened: {error.strerror}")
            return
        for entry in entries:
            if entry in self.excluded:  # both are resolved: the root is, and linked folders are not entered
                continue
            if entry.name.startswith("."):
                self.skipped["hidden"] += 1
                continue
            try:
                yield from list(self._entry(entry))
            except OSError as error:
                yield self._item(entry, f"it cannot be opened: {error.strerror}")

    def _entry(self, entry: Path) -> Iterator[dict[str, str]]:
        linked, folder = entry.is_symlink(), entry.is_dir()
        if entry.name.lower().endswith(self.extensions):
            yield self._item(entry, self._refusal(entry))
        elif self._is_photograph(entry):
            yield self._item(entry, None)
        elif linked and folder and self._leads_outside(entry):
            yield self._item(entry, "a link that leads out of the folder; it is not followed")
        elif linked and folder:
            self.skipped["linked folder"] += 1
        elif not folder:
            self.skipped[_kind(entry)] += 1
        if folder and not linked and all((entry / name).is_file() for name in OF_RESULTS):
            self.skipped["folder of results"] += 1  # its masks and overlays are no photographs
        elif folder and not linked:
            yield from self.below(entry)

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
        return not entry.resolve().is_relative_to(self.root)

    def _item(self, entry: Path, error: str | None) -> dict[str, str]:
        # A file name need not be valid UTF-8; everything that is written has to be.
        name = os.fsencode(entry.relative_to(self.root).as_posix()).decode("utf-8", "backslashreplace")
        item = {"id": name, "image": str(entry)}
        return item if error is None else item | {"error": error}


def _kind(entry: Path) -> str:
    """Return the extension if it is a common one: the end of ``eye.doe_john`` is part of a name."""
    suffix = entry.suffix.lower()
    known = suffix in MimeTypes().types_map[True]
    return (suffix if known else "of another extension") if suffix else "without extension"


def _describe(skipped: Counter[str]) -> str:
    total = sum(skipped.values())
    parts = ", ".join(f"{count} {kind}" for kind, count in skipped.most_common())
    return f"{total} file{'s' if total != 1 else ''} skipped: {parts}"
