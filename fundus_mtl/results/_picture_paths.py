"""Where the pictures of a photograph go: mirrored under the output folder, with one name for each photograph."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

from fundus_mtl.results._native_names import native

OVERLAYS, PROBABILITIES = "overlays", "probabilities"
THUMBNAILS = "thumbnails"  # of the report, where it has too many to contain them
_LONGEST = 200  # bytes; file systems allow 255, and a suffix is added
_KEPT = 180
_SUFFIXES = (".png", ".jpg", ".nii.gz", ".dcm")  # of what a run or an export writes


def picture_path(output_dir: Path, folder: str, name: str, suffix: str = ".png") -> Path:
    """Return where a picture of a photograph goes.

    The photograph's whole name is kept, or ``im2.png`` and ``im2.jpg`` would overwrite each other.

    Args:
        output_dir: Folder of the run.
        folder: Name of the folder for this kind of picture.
        name: Id of the photograph: its relative path or a pseudonym.
        suffix: Suffix that is appended.
    """
    return output_dir / folder / native(f"{picture_name(name)}{suffix}")


def thumbnail_path(number: int) -> str:
    """Return where the thumbnail of a row goes, relative to the output folder; a folder takes a thousand of them."""
    return f"{THUMBNAILS}/{number // 1000:03}/{number:06}.jpg"


def map_path(output_dir: Path, name: str, structure: str) -> Path:
    """Return where the probability map of a structure goes."""
    return picture_path(output_dir, PROBABILITIES, name, f"_{structure}.nii.gz")


def picture_name(name: str) -> str:
    """Return the photograph's name, as a relative path to which a suffix can be appended.

    A file's name that is too long to take a suffix is cut and gets sixteen digits of its SHA-256. A folder's name gets them
    if it ends as an output does: the folder ``scan.png`` would stand where the mask of the photograph ``scan`` goes.
    """
    *folders, last = PurePosixPath(name).parts
    kept = [_numbered(folder) if folder.lower().endswith(_SUFFIXES) else folder for folder in folders]
    given = [*folders, last]
    kept.append(_numbered(last) if len(last.encode()) > _LONGEST else last)
    return name if kept == given else "/".join(kept)


def _numbered(part: str) -> str:
    """Return a part of a path, cut if it is long, with sixteen digits of its SHA-256."""
    whole = part.encode()
    return f"{whole[:_KEPT].decode(errors='ignore')}~{hashlib.sha256(whole).hexdigest()[:16]}"
