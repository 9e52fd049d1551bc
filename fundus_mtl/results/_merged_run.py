"""Join the results of several runs, such as the shards of a large folder, as if one run had made them."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import uuid4

from fundus_mtl.results._column import Shown
from fundus_mtl.results._entry import Entry
from fundus_mtl.results._folder_tables import write_thumbnails
from fundus_mtl.results._journal import Journal
from fundus_mtl.results._output_errors import output_errors, write_output
from fundus_mtl.results._output_folder import JOURNAL, RUN, TABLES
from fundus_mtl.results._report import MAX_EMBEDDED, report_pieces
from fundus_mtl.results._shards import Shard, in_order

_RESULTS, _LINES, _FAILURES, _DICTIONARY, _REPORT = TABLES


def merge_runs(shards: Sequence[str | Path], out: str | Path) -> dict[str, int]:
    """Join folders of results; the tables, the journal and the pictures are those of one run.

    Rows keep their order: that of the shards, or of the folders as given. The result appears whole or not at all.

    Args:
        shards: Folders of finished runs with the same weights, configuration and options.
        out: Folder for the results; it must not exist, or be empty.

    Returns:
        Numbers of photographs that are ``ok``, ``ungradable`` and ``failed``.

    Raises:
        ValueError: If a folder holds no finished run, runs differ, a shard is missing, two have the same photograph, or
            there is something in the output folder.
        OutputError: If the results cannot be written.
    """
    out = Path(out).absolute()
    _refuse_place(out)
    ordered = in_order([Path(shard) for shard in shards])
    part = out.with_name(f".{uuid4().hex}.part")
    try:
        _write(part, ordered)
        with output_errors():
            part.replace(out)
    finally:
        with suppress(FileNotFoundError):
            shutil.rmtree(part)
    return _counts(ordered)


def _refuse_place(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"expected a new or empty output folder, but got {out.name!r} with content; choose another.")
    with output_errors():
        out.absolute().parent.mkdir(parents=True, exist_ok=True)


def _write(part: Path, shards: Sequence[Shard]) -> None:
    record = _record(shards)
    write_output(part / JOURNAL, chain.from_iterable(_lines(shard, JOURNAL) for shard in shards))
    for shard in shards:
        for entry in shard.entries():
            _place_pictures(shard.folder, part, entry)
    for name in (_RESULTS, _FAILURES):
        write_output(part / name, _rows(shards, name))
    write_output(part / _LINES, chain.from_iterable(_lines(shard, _LINES) for shard in shards))
    write_output(part / _DICTIONARY, _lines(shards[0], _DICTIONARY))
    journal = Journal(part / JOURNAL)
    journal.read()
    names = journal.names()
    outside = len(names) > MAX_EMBEDDED
    if outside:
        write_thumbnails(part, journal.entries(names))
    shown = [Shown.of(column) for column in record["shown"]]
    write_output(part / _REPORT, report_pieces(lambda: journal.entries(names), record, shown, outside))
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    write_output(part / RUN, text.encode("utf-8", "backslashreplace"))


def _record(shards: Sequence[Shard]) -> dict[str, Any]:
    """Return the record of the runs as that of one."""
    records = [shard.record for shard in shards]
    first = records[0]
    together = Counter[str]()
    for record in records[:1] if shards[0].place else records:  # every shard has searched the whole folder
        together.update(record["skipped"])
    return {
        **first,
        "options": {name: value for name, value in first["options"].items() if name != "shard"},
        "folders": list(dict.fromkeys(name for record in records for name in record["folders"])),
        "skipped": dict(together),
        "started_utc": min(record["started_utc"] for record in records),
        "finished_utc": max(record["finished_utc"] for record in records),
        "counts": _counts(shards),
    }


def _counts(shards: Sequence[Shard]) -> dict[str, int]:
    counts: list[Mapping[str, int]] = [shard.record["counts"] for shard in shards]
    return {state: sum(count[state] for count in counts) for state in counts[0]}


def _place_pictures(source: Path, target: Path, entry: Entry) -> None:
    """Link the pictures of a photograph, or copy them where that is not possible."""
    for file in entry.files:
        picture, place = source / file, target / file
        if picture.is_symlink() or not picture.is_file():
            raise ValueError(
                f"expected {file!r} in {source.name!r}, but got no such file; run `fundus-mtl infer` for it again."
            )
        with output_errors():
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(picture, place)
            except OSError:
                shutil.copyfile(picture, place)


def _rows(shards: Sequence[Shard], name: str) -> Iterator[bytes]:
    """Yield the header of a table once, and the rows of all shards."""
    header = next(_lines(shards[0], name), b"")
    yield header
    for shard in shards:
        lines = _lines(shard, name)
        if (other := next(lines, b"")) != header:
            raise ValueError(
                f"expected the same columns in {name} of {shards[0].folder.name!r} and {shard.folder.name!r}, but got "
                f"{other[:80]!r}; measure them by the same version."
            )
        yield from lines


def _lines(shard: Shard, name: str) -> Iterator[bytes]:
    with output_errors(), (shard.folder / name).open("rb") as file:
        yield from file
