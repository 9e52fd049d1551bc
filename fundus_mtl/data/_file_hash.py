"""What a file is, in 64 digits."""

from __future__ import annotations

import hashlib
from pathlib import Path


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path.name}: expected a file, but there is none at {path}; train first, or give its path."
        )
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
