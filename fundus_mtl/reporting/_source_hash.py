"""Which bytes a row was made of."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from fundus_mtl.data import photograph_file


def sha256_of(item: Mapping[str, Any]) -> str | None:
    """Return the file's hash; None for what must not be opened or cannot be read."""
    if "error" in item:
        return None
    try:
        with photograph_file(item["image"]).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
