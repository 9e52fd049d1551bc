"""Where the pictures of a photograph go: mirrored under the output folder, one name for each photograph."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

FOLDERS = ("masks", "overlays", "artery_vein", "vessels", "probabilities")
MAPS = ("disc", "cup", "artery", "vein", "vessel")
_LONGEST = 240  # bytes; file systems allow 255, and a suffix is added
_KEPT = 180


def picture_paths(output_dir: Path, name: str) -> tuple[Path, Path]:
    """Return where mask and overlay of a photograph go.

    The photograph's whole name stays in theirs, or ``im2.png`` and ``im2.jpg`` would overwrite each other.
    """
    stem = picture_name(name)
    return output_dir / "masks" / f"{stem}.png", output_dir / "overlays" / f"{stem}.jpg"


def vessel_paths(output_dir: Path, name: str) -> tuple[Path, Path]:
    """Return where the artery/vein map and the vessel mask of a photograph go."""
    stem = picture_name(name)
    return output_dir / "artery_vein" / f"{stem}.png", output_dir / "vessels" / f"{stem}.png"


def map_path(output_dir: Path, name: str, structure: str) -> Path:
    """Return where the probability map of one of `MAPS` goes."""
    return output_dir / "probabilities" / f"{picture_name(name)}_{structure}.nii.gz"


def picture_name(name: str) -> str:
    """Return the photograph's name; one too long to take a suffix is cut and gets sixteen digits of its SHA-256."""
    path = PurePosixPath(name)
    given = path.name.encode()
    if len(given) <= _LONGEST:
        return name
    cut = given[:_KEPT].decode(errors="ignore")
    return str(path.with_name(f"{cut}~{hashlib.sha256(given).hexdigest()[:16]}"))
