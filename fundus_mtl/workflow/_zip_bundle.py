"""An exported bundle as one zip file, as MONAI's ``download`` and hubs take it."""

from __future__ import annotations

import shutil
from pathlib import Path

from fundus_mtl.files import whole_file
from fundus_mtl.workflow._error import RefusedError


def zip_of(out: str | Path) -> Path:
    """Return the path of the zip file of a bundle's folder, beside the folder.

    Args:
        out: Folder of the bundle.

    Raises:
        RefusedError: If there is such a file.
    """
    folder = Path(out).absolute()
    path = folder.with_name(f"{folder.name}.zip")
    if path.exists():
        raise RefusedError(f"{path}: expected no such file, but got one; remove it, or give another folder.")
    return path


def zip_bundle(out: str | Path) -> Path:
    """Pack a bundle's folder into a zip file beside it, with the folder at its top; return its path.

    Args:
        out: Folder of the bundle.

    Raises:
        RefusedError: If there is such a file.
    """
    folder, path = Path(out).absolute(), zip_of(out)
    with whole_file(path) as part:
        shutil.make_archive(str(part.with_suffix("")), "zip", folder.parent, folder.name)
    return path
