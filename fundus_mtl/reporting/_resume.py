"""Which photographs an earlier, unfinished run has done with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fundus_mtl.reporting._entry import Entry
from fundus_mtl.reporting._journal import Journal
from fundus_mtl.reporting._source_hash import sha256_of


def finished(journal: Journal, items: Sequence[Mapping[str, Any]], output_dir: Path) -> dict[str, tuple[str, ...]]:
    """Return the photographs that need not be looked at again, with their pictures.

    A photograph is done if its file has the bytes that the row was made of and its pictures are there. What must not be
    opened (an item with an ``error``) costs nothing and is always told anew.

    Args:
        journal: of the earlier run.
        items: of this one.
        output_dir: of both.

    Raises:
        ValueError: if the journal has rows, but none of these photographs.
    """
    known = {str(item["id"]): item for item in items}
    done: dict[str, tuple[str, ...]] = {}
    common = not (journal.names() and known)
    for entry in journal.entries(journal.names()):
        item = known.get(entry.name)
        common = common or item is not None
        if item is not None and "error" not in item and _is_done(entry, item, output_dir):
            done[entry.name] = entry.files
    if not common:
        raise ValueError(
            f"expected results of the same photographs to go on with, but got none of them in {output_dir.name!r}; "
            "choose another folder, or set overwrite to True."
        )
    return done


def _is_done(entry: Entry, item: Mapping[str, Any], output_dir: Path) -> bool:
    return entry.row.get("source_sha256") == sha256_of(item) and all(
        (output_dir / file).is_file() for file in entry.files
    )
