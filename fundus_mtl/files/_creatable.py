"""Whether a folder can be created, found out before hours of work are lost."""

from __future__ import annotations

from pathlib import Path

from fundus_mtl.files._printable import printable


def check_creatable(folder: Path) -> None:
    """Create a folder and the missing folders above it, and remove them again; a folder that exists is left as it is.

    Raises:
        ValueError: If it cannot be created, or is a file.
    """
    created: list[Path] = []
    try:
        for path in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
            path.mkdir()
            created.append(path)
        if not folder.is_dir():
            raise NotADirectoryError("it is a file")
    except OSError as error:
        raise ValueError(
            f"{printable(str(folder))}: expected an output folder that can be created, but got: "
            f"{error.strerror or error}; choose another."
        ) from error
    finally:
        for path in reversed(created):
            path.rmdir()
