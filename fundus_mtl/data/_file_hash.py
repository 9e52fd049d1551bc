"""What a file or a text is, in 64 digits."""

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


def text_sha256(text: str | None) -> str:
    """Return the SHA-256 of a text, such as the merged configuration; empty for None."""
    return "" if text is None else hashlib.sha256(text.encode()).hexdigest()
