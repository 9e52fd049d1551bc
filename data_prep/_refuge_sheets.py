"""Read REFUGE's sheets: the fovea, and the label of validation and test.

They differ per split in name and columns (``Fovea_location.xlsx``; ``Fovea_locations.xlsx`` with ``Glaucoma Label``;
``Glaucoma_label_and_Fovea_location.xlsx`` with ``Label(Glaucoma=1)``), so columns are found by header, never by position.
The header may stand below title rows and in any tab.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from fundus_mtl.labels import read_label

from ._grid import Grid, read_grids
from ._refuge_files import LAST_NUMBER, RefugeFiles, refuge_id
from ._refuge_header import find_header

_logger = logging.getLogger(__name__)
_V = TypeVar("_V", tuple[float, float], int)


@dataclass
class Entry:
    """What the sheets contain about one photograph, by the name of the sheet; empty where they contain nothing."""

    fovea: dict[str, tuple[float, float]] = field(default_factory=dict)
    glaucoma: dict[str, int] = field(default_factory=dict)


def read_sheets(files: RefugeFiles) -> dict[str, Entry]:
    """Return the content of all sheets, by id. A fovea at (0, 0), REFUGE's code for "not visible", is left out.

    Raises:
        ValueError: if a sheet cannot be read, its columns are ambiguous, or a cell is no label or number.
    """
    entries: dict[str, Entry] = {}
    for path in files.sheets:
        shown = files.shown(path)
        grids = read_grids(path, shown)
        for title, grid in grids.items():
            _read_grid(grid, shown if len(grids) == 1 else title, Path(shown).parent, entries)
    return entries


def _read_grid(grid: Grid, shown: str, folder: Path, entries: dict[str, Entry]) -> None:
    header = find_header(grid, shown)
    if header is None:
        if named := next((cell for row in grid for cell in row if _names_photograph(cell)), None):
            raise ValueError(
                f"{shown}: expected a header with ImgName, Fovea_X and Fovea_Y above {named}, but got none; add it, or move "
                "the sheet away."
            )
        _logger.info("%s: no table of photographs, left out.", shown)
    elif {"x", "y", "label"} & set(header.columns):
        _read_rows(grid[header.row + 1 :], header.columns, shown, folder, entries)
    else:
        _logger.warning(
            "%s: expected Fovea_X and Fovea_Y, or a label, in its header, but got neither; left out.", shown
        )


def _names_photograph(cell: str) -> bool:
    return cell[:1].isalpha() and refuge_id(Path(cell)) is not None


def _read_rows(rows: Grid, columns: dict[str, int], shown: str, folder: Path, entries: dict[str, Entry]) -> None:
    strange = []
    for row in rows:
        cells = {key: row[position] for key, position in columns.items()}
        if not cells["name"]:
            continue
        name = refuge_id(folder / cells["name"])
        if name is None:
            strange.append(cells["name"])
        elif int(name[1:]) <= LAST_NUMBER:
            _note(entries.setdefault(name, Entry()), cells, f"{shown}, {name}", shown)
    if strange:
        _logger.warning(
            "%s: %d rows left out, expected names such as V0001.jpg, but got %r.", shown, len(strange), strange[0]
        )


def _note(entry: Entry, cells: dict[str, str], place: str, shown: str) -> None:
    if cells.get("x") or cells.get("y"):
        point = _number(cells["x"], place), _number(cells["y"], place)
        if point != (0.0, 0.0):
            _agree(entry.fovea, shown, point, place)
    if cells.get("label"):
        try:
            label = read_label(cells["label"], "glaucoma")
        except ValueError as error:
            raise ValueError(f"{place}: {error}") from None
        _agree(entry.glaucoma, shown, label, place)


def _agree(found: dict[str, _V], shown: str, value: _V, place: str) -> None:
    if found.setdefault(shown, value) != value:
        raise ValueError(
            f"{place}: expected one row, but got two that differ, {found[shown]} and {value}; correct the sheet."
        )


def _number(text: str, place: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{place}: expected a number, but got {text!r}; correct the sheet.")
    return number
