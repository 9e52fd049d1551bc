"""Join photographs, maps and field-of-view masks to the items of a datalist."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ._hrf_av_files import HrfAvFiles
from ._hrf_av_masks import write_field, write_vessels
from ._upright_size import upright_size

VESSELS = ("artery", "vein", "vessel")
Item = dict[str, Any]
_GLAUCOMA = {"g": 1, "h": 0}  # a photograph of diabetic retinopathy has no label of glaucoma
_logger = logging.getLogger(__name__)


def diagnosis(item: Item) -> str:
    """Return ``h`` (healthy), ``g`` (glaucoma) or ``dr`` (diabetic retinopathy): the end of every id."""
    return str(item["id"]).partition("_")[2]


def build_items(files: HrfAvFiles, out: Path) -> list[Item]:
    """Return the items, sorted by id, and write their masks below ``out``.

    A photograph without a map has no key of vessels; a warning is logged.

    Raises:
        ValueError: if a map or a mask differs from its photograph in size, or holds what it should not.
        OSError: if a file cannot be decoded, or a mask cannot be written.
    """
    _name_some("a map", set(files.photographs) - set(files.maps), "their vessels are missing")
    _name_some("a photograph", set(files.maps) - set(files.photographs), "their maps are left out")
    _name_some(
        "a field-of-view mask", set(files.photographs) - set(files.fields), "it is found in the photographs instead"
    )
    from tqdm import tqdm

    items = []
    for name in tqdm(sorted(files.photographs), desc="HRF-AV", unit="photograph"):
        items.append(_item(name, files, out))
    return items


def _item(name: str, files: HrfAvFiles, out: Path) -> Item:
    photograph, masks = files.photographs[name], out / "masks"
    _check_sizes(name, files)
    item: Item = {"id": name, "image": _relative(photograph, out)}
    if source := files.maps.get(name):
        vessels = {key: masks / f"{name}_{key}.png" for key in VESSELS}
        write_vessels(source, vessels, name)
        item |= {key: _relative(path, out) for key, path in vessels.items()}
        item["artery_vein_map"] = _relative(source, out)
    write_field(files.fields.get(name), photograph, field := masks / f"{name}_fov.png", name)
    item["fov"] = _relative(field, out)
    if (label := _GLAUCOMA.get(diagnosis(item))) is not None:
        item["glaucoma"] = label
    return item


def _relative(path: Path, out: Path) -> str:
    return Path(os.path.relpath(path, out)).as_posix()  # pathlib cannot walk up before Python 3.12


def _check_sizes(name: str, files: HrfAvFiles) -> None:
    photograph = files.photographs[name]
    size = upright_size(photograph, name, "photograph")
    for kind, found in (("map", files.maps), ("field-of-view mask", files.fields)):
        if name in found and (other := upright_size(found[name], name, kind)) != size:
            raise ValueError(
                f"{name}: expected photograph and {kind} of one size, but got {files.shown(photograph)} with "
                f"{size[0]} x {size[1]} px and {files.shown(found[name])} with {other[0]} x {other[1]} px; "
                "take both from the same packing."
            )


def _name_some(what: str, names: Collection[str], consequence: str, shown: int = 5) -> None:
    if names:
        some = ", ".join(sorted(names)[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
        _logger.warning("HRF-AV: expected %s for each name, but got none for %s; %s.", what, some, consequence)
