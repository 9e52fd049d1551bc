"""CHASE_DB1: from the folder to a datalist of vessels.

    fundus-mtl prepare chase_db1 RAW OUT

``RAW`` holds ``labels.csv``, ``images/``, ``vessels_obs1/`` and ``vessels_obs2/`` (two observers) and ``fov/``; masks have
one bit per pixel. ``OUT`` gets ``datalist.json``, which points to ``RAW``: nothing is copied. ``vessel`` is the first
observer's drawing, as in the literature; the second one's, ``vessel_observer2``, is there to compare people.

As in the literature, the last eight photographs (patients 11 to 14) are for testing. Two patients, drawn by the
seed, validate. Source: Fraz et al., IEEE Transactions on Biomedical Engineering 59, 2012; CC BY 4.0.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from fundus_mtl.data import write_datalist

from ._command import run
from ._index_mask import read_codes
from ._item_files import checked_folder, photograph_of, relative
from ._patient_split import table
from ._sheet import Row, one_of, read_sheet

COLUMNS = ("id", "patient", "laterality", "camera")
FOLDERS = {"vessel": "vessels_obs1", "vessel_observer2": "vessels_obs2", "fov": "fov"}
TESTED, VALIDATING = 4, 2  # patients
_EYES = {"L": "L", "R": "R"}
Item = dict[str, Any]


def prepare(raw: Path, out: Path, seed: int = 0) -> dict[str, Any]:
    """Write the datalist and return it.

    Args:
        raw: Folder of the data set.
        out: Folder to write to, made if it is not there.
        seed: Seed of the draw of the patients that validate.

    Raises:
        FileNotFoundError: if a table, a photograph or a mask is not there.
        ValueError: if the table or a mask holds what it should not, or there are too few patients.
        OSError: if something cannot be written, a full disk included.
    """
    raw, out = checked_folder(raw, "CHASE_DB1"), out.resolve()
    rows = read_sheet(raw / "labels.csv", COLUMNS)
    items = [_item(row, raw, out) for row in tqdm(rows, desc="CHASE_DB1", unit="photograph")]
    document = {
        "name": "CHASE_DB1: vessels",
        "licence": "CC BY 4.0 (as others state it, check the owners' page)",
        "source": "Fraz et al., IEEE Transactions on Biomedical Engineering 59, 2012; the last four patients are tested",
        "tasks": list(FOLDERS),
        **_sections(items, seed),
    }
    out.mkdir(parents=True, exist_ok=True)
    write_datalist(out / "datalist.json", document)
    return document


def _item(row: Row, raw: Path, out: Path) -> Item:
    name = row["id"]
    photograph = photograph_of(raw / "images", f"{name}.jpg", name)
    masks = {task: raw / folder / f"{name}.png" for task, folder in FOLDERS.items()}
    for path in masks.values():
        read_codes(path, photograph, (0, 1), name)
    return {
        "id": name,
        "image": relative(photograph, out),
        "patient": f"chase_db1_{row['patient']}",
        "laterality": one_of(row, "laterality", _EYES, name),
        "camera": row["camera"],
    } | {task: relative(path, out) for task, path in masks.items()}


def _sections(items: Sequence[Item], seed: int) -> dict[str, list[Item]]:
    patients = sorted({item["patient"] for item in items})
    if len(patients) <= TESTED + VALIDATING:
        raise ValueError(
            f"CHASE_DB1: expected more than {TESTED + VALIDATING} patients, but got {len(patients)}; unpack the whole "
            "data set."
        )
    pool, tested = patients[:-TESTED], patients[-TESTED:]
    validating = set(np.random.default_rng(seed).choice(pool, VALIDATING, replace=False).tolist())
    section_of = dict.fromkeys(tested, "testing") | dict.fromkeys(validating, "validation")
    sections: dict[str, list[Item]] = {"training": [], "validation": [], "testing": []}
    for item in items:
        sections[section_of.get(item["patient"], "training")].append(item)
    return sections


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 1 after one sentence about what is wrong."""
    return run(argv, "CHASE_DB1", "chase_db1", __doc__, "the patients that validate", prepare, table)


if __name__ == "__main__":
    sys.exit(main())
