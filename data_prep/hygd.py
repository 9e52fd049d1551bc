"""HYGD: from the folder to a datalist of glaucoma and image quality.

    fundus-mtl prepare hygd RAW OUT

``RAW`` holds ``labels.csv`` and ``images/``. ``OUT`` gets ``datalist.json``, which points to ``RAW``: nothing is copied.
``glaucoma`` is 1 for GON+ and 0 for GON-; ``quality`` is the published score, from 2 (worst) to 8 (best), brought to 0..1.

Some photographs are in the data set twice, also under two patient numbers. Only the first of such copies is listed, and
patients who share a photograph count as one, so that none is in two sections. About 70 % of the patients train, 10 %
validate, 20 % test.
Source: Abramovich et al., Hillel Yaffe Glaucoma Dataset 1.1.0, PhysioNet, doi 10.13026/m92s-0z95; ODC-By.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fundus_mtl.data import write_datalist

from ._command import run
from ._item_files import checked_folder, photograph_of, relative
from ._patient_split import split_by_patient, table
from ._same_photograph import linked, same_photographs
from ._sheet import Row, number, one_of, read_sheet
from ._upright_size import upright_size

COLUMNS = ("id", "file", "patient", "glaucoma", "label_original", "quality_score", "camera")
WORST, BEST = 2.0, 8.0  # of the published score
_GLAUCOMA = {"0": 0, "1": 1}
_ORIGINAL = {"GON-": 0, "GON+": 1}
Item = dict[str, Any]


def prepare(raw: Path, out: Path, seed: int = 0) -> dict[str, Any]:
    """Write the datalist and return it.

    Args:
        raw: Folder of the data set.
        out: Folder to write to, made if it is not there.
        seed: Seed of the split.

    Raises:
        FileNotFoundError: if the table or a photograph is not there.
        ValueError: if the table holds what it should not, or copies of a photograph have different labels.
        OSError: if something cannot be written, a full disk included.
    """
    raw, out = checked_folder(raw, "HYGD"), out.resolve()
    items = _without_copies([_item(row, raw, out) for row in read_sheet(raw / "labels.csv", COLUMNS)], out)
    document = {
        "name": "HYGD: glaucoma and image quality",
        "licence": "ODC-By (as others state it, check the owners' page)",
        "source": "Abramovich et al., Hillel Yaffe Glaucoma Dataset 1.1.0, doi 10.13026/m92s-0z95; split by patient",
        "tasks": ["glaucoma", "quality"],
        **split_by_patient(items, seed, stratify=("glaucoma",)),
    }
    out.mkdir(parents=True, exist_ok=True)
    write_datalist(out / "datalist.json", document)
    return document


def _item(row: Row, raw: Path, out: Path) -> Item:
    name = row["id"]
    photograph = photograph_of(raw / "images", row["file"], name)
    upright_size(photograph, name, "photograph")
    label = one_of(row, "glaucoma", _GLAUCOMA, name)
    if label != one_of(row, "label_original", _ORIGINAL, name):
        raise ValueError(
            f"{name}: expected one label, but got glaucoma {label} and {row['label_original']}; correct the table."
        )
    score = number(row, "quality_score", WORST, BEST, name)
    return {
        "id": name,
        "image": relative(photograph, out),
        "patient": row["patient"],
        "camera": row["camera"],
        "glaucoma": label,
        "quality": round((score - WORST) / (BEST - WORST), 6),
    }


def _without_copies(items: Sequence[Item], out: Path) -> list[Item]:
    """Keep the first copy of each photograph; give patients who share one the name of the first of them."""
    firsts = same_photographs([out / item["image"] for item in items])
    patients = sorted({item["patient"] for item in items})
    position = {patient: index for index, patient in enumerate(patients)}
    pairs = []
    for item, first in zip(items, firsts, strict=True):
        original = items[first]
        for task in ("glaucoma", "quality"):
            if item[task] != original[task]:
                raise ValueError(
                    f"{item['id']}: expected the {task} of {original['id']}, which is the same photograph, but got "
                    f"{item[task]:g} and {original[task]:g}; correct the table."
                )
        pairs.append((position[item["patient"]], position[original["patient"]]))
    group = linked(len(patients), pairs)
    name = {number: f"hygd_{patient}" for patient, number in reversed(list(zip(patients, group, strict=True)))}
    kept = [item for index, item in enumerate(items) if firsts[index] == index]
    return [item | {"patient": name[group[position[item["patient"]]]]} for item in kept]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 1 after one sentence about what is wrong."""
    return run(argv, "HYGD", "hygd", __doc__, "the split", prepare, table)


if __name__ == "__main__":
    sys.exit(main())
