"""IDRiD's photographs as items of a datalist, one copy of each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fundus_mtl.labels import check_point, structure

from ._idrid_discs import Mask, ellipse, outline, save_mask
from ._item_files import relative
from ._same_photograph import same_photographs
from ._upright_size import upright_size

if TYPE_CHECKING:
    import pandas as pd

SECTIONS = ("training", "validation", "testing")
CAMERA = "Kowa VX-10alpha"


def kept_copies(labels: pd.DataFrame, raw: Path, outlines: dict[str, Path]) -> set[Any]:
    """Return the index of one copy of every photograph, that of the strictest section; an outline of any is given to it."""
    labels = labels.assign(photograph=same_photographs([raw / "images" / name for name in labels["image"]]))
    kept = set()
    for _, copies in labels.groupby("photograph"):
        chosen = max(copies.index, key=lambda index: (SECTIONS.index(copies["section"][index]), -index))
        kept.add(chosen)
        for name in copies["image"]:
            if name in outlines:
                outlines.setdefault(copies["image"][chosen], outlines[name])
    return kept


def item_of(
    row: Mapping[str, Any], raw: Path, out: Path, outlines: Mapping[str, Path]
) -> tuple[dict[str, Any], str, float]:
    """Return the datalist's item, how its disc is labelled, and the Dice of ellipse and outline."""
    image = raw / "images" / row["image"]
    width, height = upright_size(image, row["image"], "photograph")
    size = (height, width)
    item: dict[str, Any] = {
        "id": image.stem,
        "image": relative(image, out),
        "camera": CAMERA,
    }
    _check_points(row, (width, height))
    if not np.isnan(row["fovea_x"]):
        item["fovea"] = [row["fovea_x"], row["fovea_y"]]
    box, exact = _ellipse_of(row, size), outlines.get(row["image"])
    drawn = outline(exact, size) if exact else box
    if drawn is None:
        return item, "missing", np.nan
    mask = out / "masks" / f"{image.stem}_disc.png"
    save_mask(drawn, mask)
    item["disc"] = mask.relative_to(out).as_posix()
    from fundus_mtl.metrics import dice

    if not exact:
        item["label_sources"] = {"disc": "ellipse of the box"}
    agreement = dice(box, drawn) if exact and box is not None else np.nan
    return item, "outline" if exact else "ellipse of the box", agreement


def _check_points(row: Mapping[str, Any], size: tuple[int, int]) -> None:
    centres = {"fovea": ("fovea_x", "fovea_y"), "disc": ("od_x", "od_y"), "disc box": ("od_box_cx", "od_box_cy")}
    for what, (x, y) in centres.items():
        if not np.isnan(row[x]):
            check_point((row[x], row[y]), row["image"], what, size)


def _ellipse_of(row: Mapping[str, Any], size: tuple[int, int]) -> Mask | None:
    """Return the ellipse inscribed in the row's box, None if it has none; ``size`` is (H, W), px."""
    width, height = row["od_box_w"], row["od_box_h"]
    if np.isnan(width):
        return None
    if not (1 < width <= size[1] and 1 < height <= size[0]):
        raise ValueError(
            f"{row['image']}: expected a box of the disc within {size[1]} x {size[0]} px, but got {width:g} x {height:g}; "
            "write its full width and height in px."
        )
    drawn = ellipse(size, (row["od_box_cx"], row["od_box_cy"]), (width, height))
    return structure(drawn, row["image"], "the disc's box")


def sections_of(labels: pd.DataFrame, seed: int) -> list[str]:
    """Return the section of each photograph; a tenth of the training is for validation unless the table has one."""
    training = labels.index[labels["split"] == "train"]
    held_out = set(labels.index[labels["split"] == "validation"])
    held_out = held_out or set(np.random.default_rng(seed).choice(training, len(training) // 10, replace=False))
    return [
        "testing" if split == "test" else "validation" if index in held_out else "training"
        for index, split in labels["split"].items()
    ]


def write_items(
    labels: pd.DataFrame, raw: Path, out: Path, outlines: dict[str, Path]
) -> tuple[dict[str, list[dict[str, Any]]], list[dict[str, Any]]]:
    """Write the masks of the table's photographs; return the items by section, and a row per photograph."""
    from tqdm import tqdm

    (out / "masks").mkdir(parents=True, exist_ok=True)
    sections: dict[str, list[dict[str, Any]]] = {section: [] for section in SECTIONS}
    report = []
    kept = kept_copies(labels, raw, outlines)
    for index, row in tqdm(list(labels.iterrows()), desc="photographs"):
        if index not in kept:
            report.append({"id": Path(row["image"]).stem, "section": "left out", "disc": "copy", "dice": np.nan})
            continue
        item, kind, agreement = item_of(row, raw, out, outlines)
        sections[row["section"]].append(item)
        report.append({"id": item["id"], "section": row["section"], "disc": kind, "dice": agreement})
    return sections, report
