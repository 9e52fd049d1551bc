"""The relative path of a photograph, and whether the results may have it.

A list may have its own names for photographs. They may be pseudonyms, so the results then do not have the paths; the list
itself has both.
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
        items: Photographs, with ``id`` and ``image``.
        source: Folder or list (CSV) of the photographs; None if it is not known. For a photograph outside of a list's folder
            the path is the file's name only, since names of folders may be names of patients.
    """
    listed = source is not None and Path(source).is_file()
    root = Path(str(source)).resolve().parent
    return [{**item, "relpath": _below(root, item) if listed else str(item["id"])} for item in items]


def published_relpath(item: Item) -> str:
    """Return the path for the results: empty if the photograph has a pseudonym or another name of its own."""
    name, relpath = str(item["id"]), str(item.get("relpath", item["id"]))
    own = name == relpath or name.startswith(f"{relpath} (line ")  # a photograph that is listed twice
    return relpath if own and "source" not in item else ""


def _below(root: Path, item: Item) -> str:
    path = Path(os.path.normpath(str(item["image"])))
    if not path.is_absolute():  # a line of the list that names no file
        return str(item["id"])
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
