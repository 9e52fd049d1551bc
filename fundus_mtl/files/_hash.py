"""SHA-256 of files, of settings and of merged configurations."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, 64 hexadecimal digits.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path.name}: expected a file, but there is none at {path}; train first, or give its path."
        )
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_sha256(value: Any) -> str:
    """Return the SHA-256 of a value's JSON text with sorted keys; what JSON does not know enters as text."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def config_sha256(config: str | None, without: Collection[str] = ()) -> str:
    """Return the SHA-256 of a merged configuration; empty for None.

    Args:
        config: JSON text, as ``StrictWorkflow`` fills it in.
        without: Top-level items that change no result, such as whether to overwrite an earlier one.

    Example:
        >>> config_sha256('{"a": 1, "writers": 2}', without=["writers"]) == config_sha256('{"a": 1}')
        True
    """
    if config is None:
        return ""
    return json_sha256({key: value for key, value in json.loads(config).items() if key not in without})
