"""Whether two runs were configured alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection


def config_sha256(config: str | None, without: Collection[str] = ()) -> str:
    """Return the SHA-256 of a merged configuration; empty for None.

    Args:
        config: JSON text, as ``StrictWorkflow`` fills it in.
        without: top-level items that change no result, such as whether to overwrite an earlier one.

    Example:
        >>> config_sha256('{"a": 1, "writers": 2}', without=["writers"]) == config_sha256('{"a": 1}')
        True
    """
    if config is None:
        return ""
    kept = {key: value for key, value in json.loads(config).items() if key not in without}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
