"""A folder of results that a run finished: its record, its rows and its masks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.files import read_json
from fundus_mtl.results import RUN, is_row, picture_path, plain_folders, stays_inside

RESULTS = "results.jsonl"
MAX_RECORD, MAX_ROW = 2**26, 2**20  # bytes
Row = Mapping[str, Any]
LeftOut = dict[str, str]


def finished_run(results: Path) -> dict[str, Any]:
    """Return the record of a finished run.

    Raises:
        ValueError: If there is none.
    """
    try:
        record = read_json(results / RUN, MAX_RECORD)
    except (OSError, ValueError):
        record = {}
    if not (results / RESULTS).is_file() or not _is_record(record):
        raise ValueError(
            f"expected the results of `fundus-mtl infer`, but got none in {results.name!r}; run that first."
        )
    if record.get("state") != "completed":
        raise ValueError(f"expected a run that ended, but got one that {record.get('state')}; resume it first.")
    found: dict[str, Any] = record
    return found


def each_measured(results: Path, out: str | Path, write: Callable[[Row], None]) -> LeftOut:
    """Call ``write`` with the row of every measured photograph; return the reasons of the others.

    Raises:
        ValueError: If the folder holds no finished results, or the export would be written among them.
    """
    from tqdm import tqdm

    folders = [results / name for name in plain_folders(finished_run(results).get("folders", ()))]
    place = Path(out).resolve()
    if place == results.resolve() or any(place.is_relative_to(folder.resolve()) for folder in folders):
        raise ValueError(
            f"expected an output folder of its own, but got {str(out)!r}, where the results are; choose another."
        )
    left_out: LeftOut = {}
    for row in tqdm(list(_rows(results)), desc="exporting"):
        name = str(row["image_id"])
        if row["status"] != "ok":
            left_out[name] = f"{row['status']}: {row.get('status_reason') or 'no reason given'}"
            continue
        try:
            write(row)
        except (ValueError, OSError) as error:
            left_out[name] = str(error)
    return left_out


def written_mask(results: Path, folder: str, name: str) -> NDArray[np.uint8] | None:
    """Return the values ``(H, W)`` of a mask; None where it was not asked for."""
    from fundus_mtl.photographs import FundusReader

    path = picture_path(results, folder, name)
    return FundusReader(mode="mask")(path)[0] if path.is_file() else None


def _rows(results: Path) -> Iterator[Row]:
    """Yield the rows; their ids name files, so that they have to stay inside a folder.

    Raises:
        ValueError: If a line is no row of a run.
    """
    with (results / RESULTS).open("rb") as file:
        number = 0
        while line := file.readline(MAX_ROW):
            number += 1
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not _is_row(row):
                raise ValueError(
                    f"{RESULTS}: expected a row of `fundus-mtl infer` in line {number}, but got something else; run that "
                    "again."
                )
            yield row


def _is_record(record: Any) -> bool:
    kinds = {"model": dict, "state": str, "software_version": str, "folders": list, "stages": list, "options": dict}
    needed = {"model", "state", "software_version"}
    if not isinstance(record, dict) or not needed <= set(record):
        return False
    whole = all(isinstance(record[key], kind) for key, kind in kinds.items() if key in record)
    return whole and all(
        isinstance(stage, dict) and isinstance(stage.get("roles"), list) for stage in record.get("stages", ())
    )


def _is_row(row: Any) -> bool:
    return is_row(row) and isinstance(row.get("status"), str) and stays_inside(row.get("image_id"))
