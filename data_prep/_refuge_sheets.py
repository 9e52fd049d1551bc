"""Read REFUGE's sheets: the fovea, and the label of validation and test.

They differ per split in name and columns (``Fovea_location.xlsx``; ``Fovea_locations.xlsx`` with ``Glaucoma Label``;
``Glaucoma_label_and_Fovea_location.xlsx`` with ``Label(Glaucoma=1)``), so columns are found by header, never by position.
"""

from __future__ import annotations

import logging
import math
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ._refuge_files import LAST_NUMBER, RefugeFiles, refuge_id

if TYPE_CHECKING:
    import pandas as pd

_logger = logging.getLogger(__name__)
_V = TypeVar("_V", tuple[float, float], int)


@dataclass
class Entry:
    """Values of one photograph in the sheets, each with its sheet; empty where no sheet has one."""

    fovea: dict[str, tuple[float, float]] = field(default_factory=dict)
    glaucoma: dict[str, int] = field(default_factory=dict)


def read_sheets(files: RefugeFiles) -> dict[str, Entry]:
    """Return the values of all sheets, by id. A fovea at (0, 0), REFUGE's code for "not visible", is left out.

    Raises:
        ValueError: if a sheet cannot be read, lacks its column of names, or holds a value that is no label or coordinate.
    """
    entries: dict[str, Entry] = {}
    for path in files.sheets:
        shown = files.shown(path)
        table = _load(path, shown)
        columns = _columns([str(column) for column in table.columns])
        if not {"x", "y", "label"} & set(columns):
            _logger.info("%s: neither fovea nor label in its header, left out.", shown)
            continue
        if not {"name"} <= set(columns) or ("x" in columns) != ("y" in columns):
            raise ValueError(
                f"{shown}: expected the columns ImgName, Fovea_X and Fovea_Y, but got {list(map(str, table.columns))}."
            )
        _read_rows(table, columns, shown, entries)
    return entries


def _load(path: Path, shown: str) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_csv(path, dtype=object) if path.suffix.lower() == ".csv" else pd.read_excel(path, dtype=object)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{shown}: expected a readable sheet, but got: {error}; unpack it again.") from error


def _columns(headers: list[str]) -> dict[str, int]:
    """Return the positions of ``name``, ``x``, ``y`` and ``label`` among the headers, as far as they are there."""
    found: dict[str, int] = {}
    for position, header in enumerate(headers):
        word = re.sub(r"[^a-z]", "", header.lower())
        if word in ("imgname", "imagename", "filename", "image", "name"):
            found.setdefault("name", position)
        elif word in ("foveax", "foveay"):
            found.setdefault(word[-1], position)
        elif "label" in word or "glaucoma" in word:
            found.setdefault("label", position)
    return found


def _read_rows(table: pd.DataFrame, columns: dict[str, int], shown: str, entries: dict[str, Entry]) -> None:
    folder, strange = Path(shown).parent, []
    for row in table.itertuples(index=False, name=None):
        cells = {key: _cell(row[position]) for key, position in columns.items()}
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
        label = _number(cells["label"], place)
        if label not in (0.0, 1.0):
            raise ValueError(f"{place}: expected 0 or 1 for glaucoma, but got {cells['label']!r}; correct the sheet.")
        _agree(entry.glaucoma, shown, int(label), place)


def _agree(found: dict[str, _V], shown: str, value: _V, place: str) -> None:
    if found.setdefault(shown, value) != value:
        raise ValueError(
            f"{place}: expected one row, but got two that differ, {found[shown]} and {value}; correct the sheet."
        )


def _cell(value: object) -> str:
    return "" if value is None or (isinstance(value, float) and math.isnan(value)) else str(value).strip()


def _number(text: str, place: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{place}: expected a number, but got {text!r}; correct the sheet.")
    return number
