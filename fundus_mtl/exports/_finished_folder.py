"""A folder of results that a run finished: its record, its rows and its masks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.results import RUN, picture_path

RESULTS = "results.jsonl"
Row = Mapping[str, Any]
LeftOut = dict[str, str]


def finished_run(results: Path) -> dict[str, Any]:
    """Return the record of a finished run.

    Raises:
        ValueError: If there is none.
    """
    try:
        record: dict[str, Any] = json.loads((results / RUN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        record = {}
    if not (results / RESULTS).is_file() or "model" not in record:
        raise ValueError(
            f"expected the results of `fundus-mtl infer`, but got none in {results.name!r}; run that first."
        )
    if record.get("state") != "completed":
        raise ValueError(f"expected a run that ended, but got one that {record.get('state')}; resume it first.")
    return record


def each_measured(results: Path, out: str | Path, write: Callable[[Row], None]) -> LeftOut:
    """Call ``write`` with the row of every measured photograph; return the reasons of the others.

    Raises:
        ValueError: If the folder holds no finished results, or the export would be written among them.
    """
    from tqdm import tqdm

    folders = [results / name for name in finished_run(results).get("folders", ())]
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
    with (results / RESULTS).open(encoding="utf-8") as file:
        yield from map(json.loads, file)
