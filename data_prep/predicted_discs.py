"""Discs that a network found: from the results of ``fundus-mtl infer`` to masks and a datalist.

    fundus-mtl prepare predicted_discs RESULTS OUT --photographs FOLDER

``RESULTS`` is the output folder of ``fundus-mtl infer FOLDER RESULTS``. ``OUT`` gets ``masks/<photograph>_disc.png`` and
``datalist.json`` with the photographs on which a disc was found. All of them are in the training section:
``fundus-mtl prepare merge OUT.json ... --fill NAME=OUT/datalist.json`` adds them to photographs whose section is known.

They show where a window around the disc is to be cut, for labels that concern the whole window, such as glaucoma. They are
no truth to learn outlines from: no person drew them, and the cup is left out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from fundus_mtl.data import write_datalist

from ._command import attempt, program
from ._index_mask import read_codes
from ._item_files import checked_folder, file_below, photograph_of, relative
from ._mask_file import up_to_date, write_mask
from ._patient_split import table
from ._sheet import Row, read_sheet

COLUMNS = ("image_id", "source_relpath", "status")
CUP, RIM, OUTSIDE = 0, 128, 255  # in the masks of `infer`
Item = dict[str, Any]


def prepare(results: Path, out: Path, photographs: Path) -> dict[str, Any]:
    """Write the masks and the datalist, and return the datalist.

    Args:
        results: Output folder of ``fundus-mtl infer``.
        out: Folder to write to, made if it is not there.
        photographs: Input folder of that run.

    Raises:
        FileNotFoundError: if the table, a photograph or a mask is not there.
        ValueError: if the table or a mask holds what it should not, or no disc was found.
        OSError: if something cannot be written, a full disk included.
    """
    results, out = checked_folder(results, "Discs"), out.resolve()
    photographs = checked_folder(photographs, "Discs")
    rows = [row for row in read_sheet(results / "results.csv", COLUMNS, key="image_id") if row["status"] != "failed"]
    found = [_item(row, results, photographs, out) for row in tqdm(rows, desc="Discs", unit="photograph")]
    items = [item for item in found if item is not None]
    if not items:
        raise ValueError("Discs: expected photographs with a disc, but got none; check the results.")
    document = {
        "name": "Discs found by a network",
        "licence": "that of the photographs",
        "source": f"A network, not people: fundus-mtl infer, model {_models(rows)}",
        "tasks": ["disc"],
        "training": items,
        "validation": [],
        "testing": [],
    }
    write_datalist(out / "datalist.json", document)
    return document


def _item(row: Row, results: Path, photographs: Path, out: Path) -> Item | None:
    """Return the item of a photograph; None if no disc was found."""
    name = row["image_id"]
    source = file_below(results / "masks", f"{name}.png", name)
    if not source.is_file():
        return None
    file = file_below(photographs, row["source_relpath"], name)
    photograph = photograph_of(file.parent, file.name, name)
    target = out / "masks" / f"{name}_disc.png"
    if not up_to_date(source, [target]):
        disc = read_codes(source, photograph, (CUP, RIM, OUTSIDE), name) != OUTSIDE
        if not disc.any():
            return None
        target.parent.mkdir(parents=True, exist_ok=True)
        write_mask(disc.astype(np.uint8) * 255, target, source, name)
    item: Item = {
        "id": str(Path(name).with_suffix("")).replace("/", "_"),
        "image": relative(photograph, out),
        "disc": relative(target, out),
    }
    return item | {"label_sources": {"disc": "network"}}


def _models(rows: Sequence[Row]) -> str:
    return ", ".join(sorted({row.get("model_id", "") for row in rows})) or "unknown"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 1 after one sentence about what is wrong."""
    parser = argparse.ArgumentParser(
        prog=program("predicted_discs"), description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, help="output folder of fundus-mtl infer")
    parser.add_argument("out", type=Path, help="folder for the masks and the datalist")
    parser.add_argument("--photographs", type=Path, required=True, help="input folder of that run")
    given = parser.parse_args(argv)
    return attempt("The discs", lambda: prepare(given.results, given.out, given.photographs), table)


if __name__ == "__main__":
    sys.exit(main())
