"""Find REFUGE's photographs, masks and sheets in whatever folders the archives unpacked to.

The challenge's own archives (often with a doubled folder), REFUGE2's packing (``Train/REFUGE1-{train,val,test}``) and the
public repackings differ in folders, and agree in names: g and n for training, V for validation, T for test, with
four digits.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ._raw_folder import claim, files_below

SPLITS = {"g": "training", "n": "training", "V": "validation", "T": "testing"}
LAST_NUMBER = 400  # REFUGE2's own photographs, which have other cameras and labels, go on from here

_NAME = re.compile(r"([gnvt]?)(\d{4})", re.IGNORECASE)
_MASK_FOLDER = re.compile(r"mask|annotation|(^|[-_ ])gts?$", re.IGNORECASE)
_PHOTOGRAPHS, _MASKS, _SHEETS = (".jpg", ".jpeg", ".png"), (".bmp", ".png"), (".xlsx", ".csv")
_logger = logging.getLogger(__name__)


@dataclass
class RefugeFiles:
    """What was found: photographs and masks by id (``g0001``, ``n0001``, ``V0001``, ``T0001``), and all sheets."""

    root: Path
    photographs: dict[str, Path] = field(default_factory=dict)
    masks: dict[str, Path] = field(default_factory=dict)
    sheets: list[Path] = field(default_factory=list)

    def shown(self, path: Path) -> str:
        """Return a path as messages name it: relative to the root."""
        return path.relative_to(self.root).as_posix()


def find_files(raw: Path, out: Path) -> RefugeFiles:
    """Search a folder and all below it, links followed, the output folder left out.

    Raises:
        FileNotFoundError: if the folder is not there, or holds no photograph of the training split.
        ValueError: if two different files claim the same id.
    """
    if not raw.is_dir():
        raise FileNotFoundError(
            f"REFUGE: expected the folder {raw}, but there is none; name the one it was unpacked to."
        )
    files, left_out = RefugeFiles(raw.resolve()), Counter[str]()
    out = out.resolve()
    paths = files_below(files.root, {out / "masks", *({out} - {files.root})})
    packed = any(_in_refuge1(files, path) for path in paths)
    for path in paths:
        reason = _sort_in(files, path, packed)
        left_out.update([reason] if reason else [])
    for reason, count in left_out.items():
        _logger.warning("%d files left out: %s.", count, reason)
    if not any(SPLITS[name[0]] == "training" for name in files.photographs):
        raise FileNotFoundError(
            f"REFUGE: expected photographs of the training split (g0001.jpg, n0001.jpg) below {raw}, but got none; "
            "unpack REFUGE-Training400.zip and Annotation-Training400.zip there."
        )
    return files


def refuge_id(relative: Path) -> str | None:
    """Return the id that a file's or a sheet row's name stands for; None if it is none.

    The letter decides; where a repacking dropped it, the nearest folder whose words tell the split.
    """
    match = _NAME.fullmatch(relative.stem.strip())
    if match is None:
        return None
    letter = match[1] or _letter_of_folder(relative)
    letter = letter.lower() if letter in ("g", "n", "G", "N") else letter.upper()
    return f"{letter}{match[2]}" if letter else None


def folder_label(relative: Path) -> int | None:
    """Return 1 or 0 if a folder above the file is called Glaucoma or Non-Glaucoma, the nearest one first."""
    for part in reversed(relative.parts[:-1]):
        word = re.sub(r"[^a-z]", "", part.lower())
        if word in ("glaucoma", "nonglaucoma"):
            return int(word == "glaucoma")
    return None


def _letter_of_folder(relative: Path) -> str:
    for part in reversed(relative.parts[:-1]):
        found = re.search(r"train|val|test", part.lower())
        if found:
            label = folder_label(relative)
            return {"val": "V", "test": "T"}.get(found[0], "" if label is None else "ng"[label])
    return ""


def _in_refuge1(files: RefugeFiles, path: Path) -> bool:
    return any("refuge1" in part.lower() for part in path.relative_to(files.root).parts[:-1])


def _sort_in(files: RefugeFiles, path: Path, packed: bool) -> str | None:
    """File a path where it belongs; return why it is left out, if it looked as if it did.

    Args:
        files: Files to add the path to.
        path: Path of a file.
        packed: Whether some folder is called REFUGE1: then what lies outside of such folders is REFUGE2's own.
    """
    relative, kind = path.relative_to(files.root), path.suffix.lower()
    if packed and not _in_refuge1(files, path):
        return "they lie outside of the folders called REFUGE1, so they are REFUGE2's own"
    if kind in _SHEETS:
        files.sheets.append(path)
    name = refuge_id(relative)
    if name is None or kind not in _PHOTOGRAPHS + _MASKS:
        return None
    if int(name[1:]) > LAST_NUMBER:
        return f"numbers above {LAST_NUMBER} are REFUGE2's own photographs, not REFUGE's"
    in_mask_folder = any(_MASK_FOLDER.search(part) for part in relative.parts[:-1])
    if in_mask_folder and kind not in _MASKS:
        return "masks as JPEG have lost their codes, expected bmp or png"
    is_mask = in_mask_folder or kind == ".bmp"
    claim(files.masks if is_mask else files.photographs, name, path, "mask" if is_mask else "photograph", files.root)
    return None
