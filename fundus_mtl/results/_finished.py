"""The photographs that an earlier run in the same folder has finished."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fundus_mtl.processes import TooSlowError
from fundus_mtl.results._journal import Journal
from fundus_mtl.results._output_errors import OutputRefusedError
from fundus_mtl.results._source_file import SourceFiles, was_replaced


def finished(
    journal: Journal, items: Sequence[Mapping[str, Any]], output_dir: Path, sources: SourceFiles
) -> dict[str, tuple[str, ...]]:
    """Return the photographs of this run that an earlier one in ``output_dir`` has finished, with their pictures.

    A photograph is done if its file still has the bytes that the row was made from, and its pictures are there. An item
    with an ``error``, whose file must not be opened, is never done: its row costs nothing and is written again.

    Cameras number their files, so two folders may hold the same names, and one folder may have several paths. Therefore the
    bytes decide whether the photographs are the same: at least half of those in the journal must be unchanged.

    Raises:
        OutputRefusedError: If the journal has rows, but too few of these photographs.
        StalledError: If too many files cannot be hashed within the limit of time.
    """
    known = {str(item["id"]): item for item in items}
    done: dict[str, tuple[str, ...]] = {}
    unchanged, names = 0, journal.names()
    for entry in journal.entries(names):
        item, sha256 = known.get(entry.name), entry.row.get("source_sha256")
        if item is None:
            continue
        try:
            if sha256 not in (None, sources.sha256(item)):
                continue
        except TooSlowError:
            sha256 = None  # it may be the same photograph, and is measured again
        unchanged += 1  # without a hash the file could not be read, or changed in that run: it is measured again
        if sha256 is not None and not was_replaced(entry.failure) and _all_exist(output_dir, entry.files):
            done[entry.name] = entry.files
    if known and 2 * unchanged < len(names):
        raise OutputRefusedError(
            f"expected results of the same photographs to resume, but got {unchanged} of {len(names)} unchanged for the "
            f"results in {output_dir.name!r}; choose another folder, or set overwrite to True."
        )
    return done


def _all_exist(output_dir: Path, files: Iterable[str]) -> bool:
    return all((output_dir / file).is_file() for file in files)
