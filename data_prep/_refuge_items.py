"""Join photographs, masks and sheets to the items of a datalist."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ._refuge_files import SPLITS, RefugeFiles, folder_label
from ._refuge_masks import write_masks
from ._refuge_sheets import Entry
from ._upright_size import upright_size

CAMERAS = {(2124, 2056): "Zeiss Visucam 500", (1634, 1634): "Canon CR-2"}  # by width and height; each split has one
Item = dict[str, Any]
_logger = logging.getLogger(__name__)


def build_items(files: RefugeFiles, entries: dict[str, Entry], out: Path) -> dict[str, list[Item]]:
    """Return the items of ``training``, ``validation`` and ``testing``, sorted by id; write their masks below ``out``.

    What is missing (a mask, a row, a fovea) is a missing key; a warning is logged.

    Raises:
        ValueError: if the sources of a label contradict each other, or photograph and mask differ in size.
        OSError: if a mask cannot be written.
    """
    from tqdm import tqdm

    items: dict[str, list[Item]] = {split: [] for split in ("training", "validation", "testing")}
    for name in tqdm(sorted(files.photographs), desc="REFUGE", unit="photograph"):
        items[SPLITS[name[0]]].append(_item(name, files, entries.get(name, Entry()), out))
    for split in items:
        _report_absent(split, files, entries)
    return items


def _item(name: str, files: RefugeFiles, entry: Entry, out: Path) -> Item:
    photograph = files.photographs[name]
    size = upright_size(photograph, name, "photograph")
    item: Item = {"id": name, "image": _relative(photograph, out), "camera": CAMERAS.get(size, f"{size[0]}x{size[1]}")}
    if name in files.masks:
        _check_size(name, size, files)
        for task, path in (targets := _targets(name, out)).items():
            item[task] = _relative(path, out)
        write_masks(files.masks[name], targets["disc"], targets["cup"], name)
    if (point := _one(name, "fovea", entry.fovea)) is not None:
        if -0.5 <= point[0] < size[0] - 0.5 and -0.5 <= point[1] < size[1] - 0.5:
            item["fovea"] = list(point)
        else:
            _logger.warning("%s: expected a fovea within %d x %d px, but got %s; left out.", name, *size, point)
    if (label := _one(name, "glaucoma", _labels(name, files, entry))) is not None:
        item["glaucoma"] = label
    return item


def _targets(name: str, out: Path) -> dict[str, Path]:
    folder = out / "masks" / SPLITS[name[0]]
    return {task: folder / f"{name}_{task}.png" for task in ("disc", "cup")}


def _relative(path: Path, out: Path) -> str:
    return Path(os.path.relpath(path, out)).as_posix()  # pathlib cannot walk up before Python 3.12


def _check_size(name: str, size: tuple[int, int], files: RefugeFiles) -> None:
    mask = upright_size(files.masks[name], name, "mask")
    if mask != size:
        raise ValueError(
            f"{name}: expected photograph and mask of one size, but got {files.shown(files.photographs[name])} with "
            f"{size[0]} x {size[1]} px and {files.shown(files.masks[name])} with {mask[0]} x {mask[1]} px; "
            "take both from the same packing."
        )


def _labels(name: str, files: RefugeFiles, entry: Entry) -> dict[str, int]:
    labels = dict(entry.glaucoma)
    if name[0] in "gn":
        labels["the file name"] = int(name[0] == "g")
    folder = folder_label(files.photographs[name].relative_to(files.root))
    return labels if folder is None else labels | {"the folder's name": folder}


def _one(name: str, what: str, found: dict[str, Any]) -> Any:
    """Return the value that all sources agree on, None without a source."""
    if len(set(found.values())) > 1:
        sources = " and ".join(f"{value} by {source}" for source, value in sorted(found.items()))
        raise ValueError(f"{name}: expected one {what}, but got {sources}; correct the wrong one.")
    return next(iter(found.values()), None)


def _report_absent(split: str, files: RefugeFiles, entries: dict[str, Entry]) -> None:
    photographs = {name for name in files.photographs if SPLITS[name[0]] == split}
    known = {name for name in entries if SPLITS[name[0]] == split}
    masks = {name for name in files.masks if SPLITS[name[0]] == split}
    if not photographs:
        _logger.warning("%s: expected photographs, but got none; the split stays empty.", split)
    elif not known:
        _logger.warning(
            "%s: expected a sheet with ImgName, Fovea_X and Fovea_Y, but got none; those labels are missing.", split
        )
    else:
        _name_some(split, "a row in a sheet", photographs - known)
    _name_some(split, "a mask", photographs - masks)
    _name_some(split, "a photograph", (known | masks) - photographs)


def _name_some(split: str, what: str, names: Collection[str], shown: int = 5) -> None:
    if names:
        some = ", ".join(sorted(names)[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
        _logger.warning("%s: expected %s for each name, but got none for %s.", split, what, some)
