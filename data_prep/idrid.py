"""IDRiD: masks of the disc and a datalist of disc and fovea.

    fundus-mtl prepare idrid RAW OUT [--masks FOLDER] [--segmentation FOLDER]

RAW holds ``images/`` and ``labels.csv`` (image, split, od_x, od_y, fovea_x, fovea_y, od_box_cx, od_box_cy, od_box_w,
od_box_h, in px of these images; an empty cell is unknown; commas, semicolons or tabs). Outlines of IDRiD's segmentation
photographs come in two forms: ``--masks`` has ``od_mask/*.png`` at full size and ``match_to_images.csv``, which ties them to
RAW's photographs; ``--segmentation`` has ``images/``, ``masks/`` at RAW's size and ``labels.csv`` with the same ties.
Photographs of the latter that RAW lacks are added with their disc alone; those that are tied with doubt are left out.

IDRiD holds copies of some photographs under two names, one of them a test photograph among those for training. One copy
of each is kept, the test one first.

Why the disc is an ellipse: every photograph has the disc's centre, all but two its box, twenty its outline. The ellipse
inscribed in the box agrees with the outline where both are known (the Dice is printed), so that nearly all photographs
can teach the network the disc. Where the outline is known it is used. The two without a box have no disc label: partial
labels are what the package is for. Source: Porwal et al., Indian Diabetic Retinopathy Image Dataset, Data 3 (3), 2018.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fundus_mtl.data import write_datalist
from fundus_mtl.files import printable

from ._command import program, refuse
from ._idrid_discs import certain_matches, uncertain_matches
from ._idrid_items import sections_of, write_items
from ._idrid_segmentation import Segmentation, read_segmentation
from ._idrid_table import read_labels
from ._item_files import photograph_of

if TYPE_CHECKING:
    import pandas as pd

REFERENCE = ("id", "split", "od_x", "od_y", "fovea_x", "fovea_y", "od_box_cx", "od_box_cy", "od_box_w", "od_box_h")


def prepare(
    raw: Path, out: Path, masks: Path | None = None, seed: int = 0, segmentation: Path | None = None
) -> pd.DataFrame:
    """Write masks, ``datalist.json`` and ``reference.csv`` (the points and boxes as published) into ``out``.

    A tenth of the training photographs, drawn by the seed, is the validation section, unless the table has one; the
    testing section is IDRiD's own.

    Args:
        raw: Folder with ``images/`` and ``labels.csv``.
        out: Folder to write to, made if it is not there.
        masks: Folder with ``od_mask/`` and ``match_to_images.csv``.
        seed: Seed of the validation tenth.
        segmentation: Folder with ``images/``, ``masks/`` and ``labels.csv``.

    Returns:
        One row per photograph: section, how its disc was labelled, and the Dice of ellipse and outline where both exist.

    Raises:
        FileNotFoundError: if a table, a photograph or an outline does not exist.
        ValueError: if the table or a mask holds what it should not; the sentence names the row.
        OSError: if something cannot be written, a full disk included.
    """
    import pandas as pd

    raw, out = raw.resolve(), out.resolve()  # a relative path through a linked folder would lead elsewhere
    if not (raw / "labels.csv").is_file():
        raise FileNotFoundError(
            f"{raw}: expected labels.csv and images/, but got neither; see {program('idrid')} --help."
        )
    labels = read_labels(raw / "labels.csv")
    for name in labels["image"]:
        photograph_of(raw / "images", name, "labels.csv")
    more = read_segmentation(segmentation, raw / "images") if segmentation else Segmentation()
    outlines = more.outlines | (certain_matches(masks) if masks else {})
    labels["section"] = sections_of(labels, seed)
    sections, report = write_items(labels, raw, out, outlines)
    for name in more.doubtful:
        report.append({"id": name, "section": "left out", "disc": "doubtful match", "dice": np.nan})
    for extra in more.others:
        sections[extra.section].append(extra.item(out))
        report.append({"id": extra.name, "section": extra.section, "disc": "outline", "dice": np.nan})
    write_datalist(
        out / "datalist.json",
        {
            "name": "IDRiD: disc and fovea",
            "licence": "CC BY 4.0; discs drawn from the boxes CC BY-SA 4.0",
            "source": "Porwal et al. 2018; boxes by Chris von Csefalvay",
            "tasks": ["disc", "fovea"],
            **sections,
        },
    )
    labels.assign(id=labels["image"].map(lambda name: Path(name).stem))[list(REFERENCE)].to_csv(
        out / "reference.csv", index=False
    )
    return pd.DataFrame(report)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 1 after one sentence about what is wrong."""
    parser = argparse.ArgumentParser(
        prog=program("idrid"), description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("raw", type=Path, help="folder with images/ and labels.csv")
    parser.add_argument("out", type=Path, help="where masks, datalist.json and reference.csv go")
    parser.add_argument("--masks", type=Path, help="folder with od_mask/ and match_to_images.csv")
    parser.add_argument("--segmentation", type=Path, help="folder with images/, masks/ and labels.csv")
    parser.add_argument("--seed", type=int, default=0, help="of the validation tenth (default 0)")
    options = parser.parse_args(arguments)
    try:
        report = prepare(options.raw, options.out, options.masks, options.seed, options.segmentation)
    except (OSError, ValueError) as error:
        return refuse("IDRiD", error)
    _summarise(report, options.masks)
    print(printable(f"Datalist: {options.out / 'datalist.json'}"))
    return 0


def _summarise(report: pd.DataFrame, masks: Path | None) -> None:
    print(report.pivot_table(index="section", columns="disc", values="id", aggfunc="count", fill_value=0).to_string())
    known = report["dice"].dropna()
    if len(known):
        spread = f"mean {known.mean():.3f}, median {known.median():.3f}, lowest {known.min():.3f}, n = {len(known)}"
        print(f"Dice of the box's ellipse and the outline: {spread}")
    if masks and (left_out := uncertain_matches(masks)):
        print(printable(f"Outlines left out because their photograph is not certain: {', '.join(left_out)}"))


if __name__ == "__main__":
    sys.exit(main())
