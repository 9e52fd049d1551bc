"""Where the pictures of a photograph go: mirrored under the output folder, with one name for each photograph."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

OVERLAYS, PROBABILITIES = "overlays", "probabilities"
_LONGEST = 240  # bytes; file systems allow 255, and a suffix is added
_KEPT = 180


def picture_path(output_dir: Path, folder: str, name: str, suffix: str = ".png") -> Path:
    """Return where a picture of a photograph goes.

    The photograph's whole name is kept, or ``im2.png`` and ``im2.jpg`` would overwrite each other.

    Args:
        output_dir: Folder of the run.
        folder: Name of the folder for this kind of picture.
        name: Id of the photograph: its relative path or a pseudonym.
        suffix: Suffix that is appended.
    """
    return output_dir / folder / f"{picture_name(name)}{suffix}"


def map_path(output_dir: Path, name: str, structure: str) -> Path:
    """Return where the probability map of a structure goes."""
    return picture_path(output_dir, PROBABILITIES, name, f"_{structure}.nii.gz")


def picture_name(name: str) -> str:
    """Return the photograph's name; one too long to take a suffix is cut and gets sixteen digits of its SHA-256."""
    path = PurePosixPath(name)
    given = path.name.encode()
    if len(given) <= _LONGEST:
        return name
    cut = given[:_KEPT].decode(errors="ignore")
    return str(path.with_name(f"{cut}~{hashlib.sha256(given).hexdigest()[:16]}"))
