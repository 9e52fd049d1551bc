"""Which bytes a row was made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fundus_mtl.data import file_sha256, photograph_file


def sha256_of(item: Mapping[str, Any]) -> str | None:
    """Return the file's hash; None for what must not be opened or cannot be read."""
    if "error" in item:
        return None
    try:
        return file_sha256(photograph_file(item["image"]))
    except OSError:
        return None
