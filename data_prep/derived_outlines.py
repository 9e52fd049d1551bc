"""Disc and cup outlines that networks made for other data sets' photographs: from the folder to masks and a datalist.

    fundus-mtl prepare derived_outlines RAW OUT [--photographs FOLDER]

``RAW`` holds ``agreement.csv`` (data_set, image, mask, disc_agreement, cup_agreement: the mean Dice of each network's
outline with that of all) and the masks, PNGs of codes 0 background, 1 rim, 2 cup. ``FOLDER``, by default the one that holds
``RAW``, has the photographs as ``<data_set>/images/<image>``. ``OUT`` gets ``masks/<data_set>_<image>_disc.png`` and
``_cup.png`` and ``datalist.json`` with the outlines on which the networks agree. All of them are in the training section:
``python -m data_prep.merge OUT.json ... --fill NAME=OUT/datalist.json`` adds them to photographs whose section is known.

No person drew these outlines: say so wherever a network trained on them is described.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fundus_mtl.data import write_datalist

from ._command import attempt, program
from ._index_mask import write_disc_and_cup
from ._item_files import checked_folder, file_below, photograph_of, relative
from ._patient_split import table
from ._sheet import Row, number, read_sheet

COLUMNS = ("data_set", "image", "mask", "disc_agreement", "cup_agreement")
DISC_AGREEMENT, CUP_AGREEMENT = 0.9, 0.85
Item = dict[str, Any]


def prepare(
    raw: Path,
    out: Path,
    photographs: Path | None = None,
    disc_agreement: float = DISC_AGREEMENT,
    cup_agreement: float = CUP_AGREEMENT,
) -> dict[str, Any]:
    """Write the masks and the datalist, and return the datalist.

    Args:
        raw: Folder of the outlines.
        out: Folder to write to, made if it is not there.
        photographs: Folder of the data sets that were outlined; the parent of ``raw`` by default.
        disc_agreement: Least mean Dice of the discs, from 0 to 1.
        cup_agreement: Least mean Dice of the cups, from 0 to 1.

    Raises:
        FileNotFoundError: if the table, a photograph or a mask is not there.
        ValueError: if the table or a mask holds what it should not, or no outline is left.
        OSError: if something cannot be written, a full disk included.
    """
    raw, out = checked_folder(raw, "Outlines"), out.resolve()
    photographs = checked_folder(photographs or raw.parent, "Outlines")
    rows = [
        row
        for row in read_sheet(raw / "agreement.csv", COLUMNS, key="mask")
        if number(row, "disc_agreement", 0, 1, row["mask"]) >= disc_agreement
        and number(row, "cup_agreement", 0, 1, row["mask"]) >= cup_agreement
    ]
    if not rows:
        raise ValueError(
            "Outlines: expected some on which the networks agree, but got none; lower the least agreement."
        )
    document = {
        "name": "Disc and cup outlines made by networks",
        "licence": "derived from the photographs and the networks, see SOURCE.txt of the outlines; credit both",
        "source": f"Networks, not people; agreement of at least {disc_agreement:g} (disc) and {cup_agreement:g} (cup)",
        "tasks": ["disc", "cup"],
        "training": [_item(row, raw, photographs, out) for row in tqdm(rows, desc="Outlines", unit="photograph")],
        "validation": [],
        "testing": [],
    }
    write_datalist(out / "datalist.json", document)
    return document


def _item(row: Row, raw: Path, photographs: Path, out: Path) -> Item:
    name = f"{row['data_set']}_{Path(row['image']).stem}"
    folder = file_below(photographs, row["data_set"], name) / "images"
    photograph = photograph_of(folder, file_below(folder, row["image"], name).name, name)
    source = file_below(raw, row["mask"], name)
    masks = write_disc_and_cup(source, photograph, out / "masks", name)
    item = {"id": name, "image": relative(photograph, out), "source": row["data_set"]}
    return (
        item
        | {task: relative(path, out) for task, path in masks.items()}
        | {"label_sources": dict.fromkeys(masks, "networks")}
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 1 after one sentence about what is wrong."""
    parser = argparse.ArgumentParser(
        prog=program("derived_outlines"),
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("raw", type=Path, help="folder with agreement.csv and the masks")
    parser.add_argument("out", type=Path, help="folder for the masks and the datalist")
    parser.add_argument(
        "--photographs", type=Path, help="folder of the outlined data sets (default: the parent of RAW)"
    )
    for structure, least in (("disc", DISC_AGREEMENT), ("cup", CUP_AGREEMENT)):
        parser.add_argument(
            f"--{structure}-agreement", type=float, default=least, help=f"least mean Dice, 0 to 1 (default: {least})"
        )
    given = parser.parse_args(argv)
    return attempt(
        "The outlines",
        lambda: prepare(given.raw, given.out, given.photographs, given.disc_agreement, given.cup_agreement),
        table,
    )


if __name__ == "__main__":
    sys.exit(main())
