"""The origin of a result: commit of the code, and number and digest of the samples."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath
from typing import Any


def source_commit() -> str | None:
    """Return the git commit of the checkout that this package runs from; None for an installed package or without git."""
    from mlflow.utils.git_utils import get_git_commit

    commit = get_git_commit(str(Path(__file__).resolve().parent))
    return str(commit) if commit else None


def describe_samples(items: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Describe a list of samples without identifying anybody.

    Args:
        items: items of a datalist; values are text, numbers or lists. Only the last component of a path enters the
            digest, so that the same data in another folder or on another machine have the same digest.

    Returns:
        ``samples`` (number of samples), ``digest`` (16 hexadecimal digits of SHA-256, independent of the order of the
        items and of their keys) and ``present`` (number of samples by key; a label that no sample has is absent).
    """
    lines, present = [], Counter[str]()
    for item in items:
        known = {key: value for key, value in item.items() if value is not None}
        present.update(known.keys())
        lines.append(json.dumps({key: _portable(value) for key, value in known.items()}, sort_keys=True, default=str))
    digest = hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]
    return {"samples": len(lines), "digest": digest, "present": dict(sorted(present.items()))}


def _portable(value: Any) -> Any:
    if isinstance(value, (str, PurePath)) and PurePath(value).is_absolute():
        return PurePath(value).name
    return value
