"""The folder that results go to: nobody's files are overwritten or mixed with an earlier run's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fundus_mtl.reporting._atomic import OutputError, write_atomically
from fundus_mtl.reporting._ledger import Ledger
from fundus_mtl.reporting._provenance import SOFTWARE
from fundus_mtl.reporting._report import render_report
from fundus_mtl.reporting._table import FAILURE_COLUMNS, columns_of, data_dictionary, table
from fundus_mtl.reporting._vessels import asked

FOLDERS = ("masks", "overlays", "artery_vein", "vessels")
TABLES = ("results.csv", "failures.csv", "data_dictionary.csv", "report.html")
RUN = "run.json"


def check_output(output_dir: Path, input_dir: str | Path | None, overwrite: bool) -> None:
    """Refuse an output folder that would mix results with photographs or with an earlier run. Nothing is changed.

    Raises:
        ValueError: if it is the input folder, or holds anything under a name that results get: without ``overwrite`` always,
            with it unless an earlier run's ``run.json`` says that they are results.
    """
    if input_dir is not None and output_dir.resolve() == Path(input_dir).resolve():
        raise ValueError("expected an output folder of its own, but got the input folder; choose another.")
    if output_dir.exists() and not output_dir.is_dir():
        raise ValueError(f"expected an output folder, but got {output_dir.name!r}, which is a file; choose another.")
    found = [name for name in (*FOLDERS, *TABLES, RUN) if (output_dir / name).exists()]
    if found and not overwrite:
        raise ValueError(
            f"expected an output folder without results, but got {', '.join(found)} in {output_dir.name!r}; "
            "choose another or set overwrite to True."
        )
    if found and not _made_here(output_dir / RUN):
        raise ValueError(
            f"expected results of an earlier run to overwrite, but got {', '.join(found)} in {output_dir.name!r} "
            f"without a {RUN} of {SOFTWARE}; choose another folder."
        )


def clear_output(output_dir: Path) -> None:
    """Remove an earlier run's results, and only those; call after `check_output`.

    Raises:
        OutputError: if they cannot be removed.
    """
    try:
        for name in FOLDERS:
            if (output_dir / name).exists():
                shutil.rmtree(output_dir / name)
        for name in TABLES:
            (output_dir / name).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"expected to overwrite earlier results, but got {error.strerror!r}; choose another folder."
        ) from error


def write_tables(output_dir: Path, ledger: Ledger, thumbnails: Mapping[str, bytes], run: Mapping[str, Any]) -> None:
    """Write the rows, the failures, the columns' meanings and the report.

    Raises:
        OutputError: if they cannot be written; those before are whole.
    """
    vessels = asked(run["tasks"])
    texts = (
        table(columns_of(vessels), ledger.rows),
        table(FAILURE_COLUMNS, ledger.failures),
        data_dictionary(vessels),
        render_report(ledger.rows, thumbnails, run),
    )
    for name, text in zip(TABLES, texts, strict=True):
        write_atomically(output_dir / name, text)


def _made_here(run: Path) -> bool:
    try:
        record = json.loads(run.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and record.get("software") == SOFTWARE
