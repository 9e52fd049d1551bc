"""GRAPE's outlines of disc and cup: from the folder to binary masks and two datalists.

    fundus-mtl prepare grape RAW OUT

``RAW`` holds ``labels.csv``, ``images/`` and ``masks/`` (whole photographs), ``crops/`` and ``crop_masks/`` (windows around
the disc at the camera's own scale). Masks are PNGs of codes 0 background, 1 rim, 2 cup. ``OUT`` gets

* ``masks/<kind>/<id>_disc.png`` and ``_cup.png``: 0 and 255, the disc includes the cup;
* ``datalist_whole.json``: whole photographs; ``datalist_windows.json``: windows.

About 70 % of the patients train, 10 % validate, 20 % test; both datalists have the same patients in a section. Every eye has
glaucoma, so the label teaches a network nothing unless other sources bring healthy eyes. Source: Huang et al., GRAPE,
Scientific Data 10, 2023; CC BY 4.0.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fundus_mtl.data import write_datalist

from ._command import run
from ._index_mask import write_disc_and_cup
from ._item_files import checked_folder, photograph_of, relative
from ._patient_split import split_by_patient, table
from ._sheet import Row, one_of, read_sheet

COLUMNS = ("id", "patient", "laterality", "glaucoma", "camera", "full_frame")
KINDS = {"windows": ("crops", "crop_masks"), "whole": ("images", "masks")}
_EYES = {"OD": "R", "OS": "L"}
_GLAUCOMA = {"0": 0, "1": 1}
_WHOLE = {"True": 1, "False": 0}
Item = dict[str, Any]


def prepare(raw: Path, out: Path, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Write the masks and the datalists.

    Args:
        raw: Folder of the data set.
        out: Folder to write to, made if it is not there.
        seed: Seed of the split.

    Returns:
        The datalists by file name.

    Raises:
        FileNotFoundError: if a table, a photograph or a mask is not there.
        ValueError: if the table or a mask holds what it should not.
        OSError: if something cannot be written, a full disk included.
    """
    raw, out = checked_folder(raw, "GRAPE"), out.resolve()
    rows = read_sheet(raw / "labels.csv", COLUMNS)
    windows = [_item(row, "windows", raw, out) for row in tqdm(rows, desc="GRAPE", unit="window")]
    sections = split_by_patient(windows, seed)
    with_whole = [row for row in rows if one_of(row, "full_frame", _WHOLE, row["id"])]
    whole = {row["id"]: _item(row, "whole", raw, out) for row in tqdm(with_whole, desc="GRAPE", unit="photograph")}
    of_whole = {
        section: [whole[item["id"]] for item in items if item["id"] in whole] for section, items in sections.items()
    }
    documents = {
        "datalist_whole.json": _document("whole", of_whole),
        "datalist_windows.json": _document("windows", sections),
    }
    for name, document in documents.items():
        write_datalist(out / name, document)
    return documents


def _item(row: Row, kind: str, raw: Path, out: Path) -> Item:
    photographs, masks = KINDS[kind]
    name = row["id"]
    photograph = photograph_of(raw / photographs, f"{name}.jpg", name)
    written = write_disc_and_cup(raw / masks / f"{name}.png", photograph, out / "masks" / kind, name)
    return {
        "id": name,
        "image": relative(photograph, out),
        "patient": f"grape_{row['patient']}",
        "laterality": one_of(row, "laterality", _EYES, name),
        "camera": row["camera"],
        "glaucoma": one_of(row, "glaucoma", _GLAUCOMA, name),
    } | {task: relative(path, out) for task, path in written.items()}


def _document(kind: str, sections: Mapping[str, Sequence[Item]]) -> dict[str, Any]:
    return {
        "name": f"GRAPE: disc and cup, {kind}",
        "licence": "CC BY 4.0 (as others state it, check the owners' page)",
        "source": "Huang et al., Scientific Data 10, 2023; outlines by one ophthalmologist; split by patient",
        "tasks": ["disc", "cup", "glaucoma"],
        **sections,
    }


def _tables(documents: Mapping[str, Mapping[str, Any]]) -> str:
    return "\n".join(f"{name}\n{table(document)}" for name, document in documents.items())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 1 after one sentence about what is wrong."""
    return run(argv, "GRAPE", "grape", __doc__, "the split", prepare, _tables)


if __name__ == "__main__":
    sys.exit(main())
