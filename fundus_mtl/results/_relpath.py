"""Where a photograph lies below what the user pointed at, and whether the results say so.

A list may call its photographs by names of its own. They may be pseudonyms, so the paths that they stand for then stay
out of the results; the list itself says which is which.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Item = Mapping[str, Any]


def with_relpaths(items: Sequence[Item], source: str | Path | None) -> list[dict[str, Any]]:
    """Return the items with ``relpath``, their path below the folder, or below that of a list.

    Args:
        items: with ``id`` and ``image``.
        source: folder, list (CSV), or None where it is not known. A photograph outside of a list's folder has its bare name,
            since names of folders may be names of patients.
    """
    listed = source is not None and Path(source).is_file()
    root = Path(str(source)).resolve().parent
    return [{**item, "relpath": _below(root, item) if listed else str(item["id"])} for item in items]


def told_relpath(item: Item) -> str:
    """Return the path that the results may say: empty where the photograph is under a pseudonym or another name."""
    name, relpath = str(item["id"]), str(item.get("relpath", item["id"]))
    own = name == relpath or name.startswith(f"{relpath} (line ")  # a photograph that is listed twice
    return relpath if own and "source" not in item else ""


def _below(root: Path, item: Item) -> str:
    path = Path(os.path.normpath(str(item["image"])))
    if not path.is_absolute():  # a line of the list that names no file
        return str(item["id"])
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
