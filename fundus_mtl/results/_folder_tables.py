"""The tables and the report of a folder, written from the run's journal one photograph at a time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from fundus_mtl.results._column import Column
from fundus_mtl.results._csv_table import table
from fundus_mtl.results._entry import Entry, Row, known
from fundus_mtl.results._layout import FAILURE_COLUMNS, Layout
from fundus_mtl.results._ledger import Ledger
from fundus_mtl.results._output_errors import output_errors, write_output
from fundus_mtl.results._output_folder import TABLES
from fundus_mtl.results._picture_paths import thumbnail_path
from fundus_mtl.results._report import MAX_EMBEDDED, report_pieces


def write_tables(output_dir: Path, ledger: Ledger, run: Mapping[str, Any], layout: Layout) -> None:
    """Write the rows, the failures, the columns' meanings and the report, holding one row at a time in memory.

    Raises:
        OutputError: If they cannot be written; those before are whole.
    """
    outside = len(ledger.items) > MAX_EMBEDDED
    if outside:
        write_thumbnails(output_dir, ledger.entries())
    columns = layout.columns
    names = [column.name for column in columns]
    pieces = (
        _csv(columns, (entry.row for entry in ledger.entries())),
        (_json({name: entry.row.get(name) for name in names}) for entry in ledger.entries()),
        _csv(FAILURE_COLUMNS, (entry.failure for entry in ledger.entries() if entry.failure is not None)),
        iter([layout.data_dictionary()]),
        report_pieces(ledger.entries, run, layout.shown, outside),
    )
    for name, content in zip(TABLES, pieces, strict=True):
        write_output(output_dir / name, content)


def write_thumbnails(output_dir: Path, entries: Iterable[Entry]) -> None:
    """Write the thumbnails as files; not synced to disk one by one, as the journal has them."""
    with output_errors():
        for number, entry in enumerate(entries):
            if entry.thumbnail is not None:
                path = output_dir / thumbnail_path(number)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(entry.thumbnail)


def _csv(columns: Sequence[Column], rows: Iterator[Row]) -> Iterator[str]:
    header = table(columns, [])
    return chain([header], (table(columns, [row]).removeprefix(header) for row in rows))


def _json(row: Row) -> str:
    return json.dumps(known(row), ensure_ascii=False, allow_nan=False) + "\n"
