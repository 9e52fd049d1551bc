"""IDRiD's segmentation photographs at the size of the others, and which of the others each of them is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ._index_mask import read_codes
from ._item_files import photograph_of, relative
from ._sheet import Row, one_of, read_sheet

COLUMNS = ("id", "split", "nearest_in_idrid_1072", "match", "camera")
_SECTIONS = {"train": "training", "test": "testing"}
_MATCHES = {"same": "same", "none": "none", "?": "doubtful"}


@dataclass(frozen=True)
class Other:
    """A photograph that only the segmentation part has."""

    name: str
    section: str
    image: Path
    mask: Path
    camera: str

    def item(self, out: Path) -> dict[str, Any]:
        """Return its item in a datalist of the folder ``out``."""
        files = {"image": relative(self.image, out), "disc": relative(self.mask, out)}
        return {"id": self.name, "camera": self.camera} | files


@dataclass
class Segmentation:
    """Outlines by photograph of the localisation part, and the photographs that it lacks."""

    outlines: dict[str, Path] = field(default_factory=dict)
    others: list[Other] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)


def read_segmentation(folder: Path, photographs: Path) -> Segmentation:
    """Read the table, and check every mask.

    Args:
        folder: Folder with ``labels.csv``, ``images/`` and ``masks/`` of codes 0 and 1.
        photographs: Folder of the localisation part's photographs.

    Raises:
        FileNotFoundError: if the table, a photograph or a mask is not there.
        ValueError: if the table or a mask holds what it should not, or two outlines are tied to one photograph.
    """
    folder = folder.resolve()
    found = Segmentation()
    for row in read_sheet(folder / "labels.csv", COLUMNS):
        _add(found, row, folder, photographs)
    return found


def _add(found: Segmentation, row: Row, folder: Path, photographs: Path) -> None:
    name = row["id"]
    section, match = one_of(row, "split", _SECTIONS, name), one_of(row, "match", _MATCHES, name)
    image, mask = photograph_of(folder / "images", f"{name}.jpg", name), folder / "masks" / f"{name}.png"
    read_codes(mask, image, (0, 1), name)
    if match == "doubtful":
        found.doubtful.append(name)
    elif match == "none":
        found.others.append(Other(f"{name}_segmentation", str(section), image, mask, row["camera"]))
    else:
        same = photograph_of(photographs, f"{row['nearest_in_idrid_1072']}.jpg", name).name
        if same in found.outlines:
            raise ValueError(f"{name}: expected one outline of {same}, but got two; correct the table.")
        found.outlines[same] = mask
