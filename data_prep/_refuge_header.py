"""Which column of a REFUGE sheet is what.

A column is taken only if its header has a known meaning. A header that mentions glaucoma, a label or healthy eyes in
another way is refused: read as the label, ``Non-Glaucoma`` or ``Label(Glaucoma=0)`` would turn every label round.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ._columns import TITLE_ROWS

_KNOWN: Mapping[str, frozenset[str]] = {  # headers without blanks and signs, in lower case
    "name": frozenset({"imgname", "imagename", "filename", "image", "name"}),
    "x": frozenset({"foveax"}),
    "y": frozenset({"foveay"}),
    "label": frozenset(
        {"label", "glaucoma", "glaucomalabel", "labelglaucoma", "labelglaucoma1", "label1glaucoma", "glaucoma1"}
    ),
}
_RELATED = re.compile(r"glau[ck]om|label|health|normal|control|negative|positive")
_PREDICTION = re.compile(r"risk|prob|score|predict")  # of a submission to the challenge: no label


@dataclass(frozen=True)
class Header:
    """A header: its row, and the positions of ``name``, ``x``, ``y`` and ``label``, as far as there are such columns."""

    row: int
    columns: dict[str, int]


def find_header(grid: Sequence[Sequence[str]], shown: str) -> Header | None:
    """Return the first row that names photographs, else the first that names a coordinate; None if there is neither.

    Args:
        grid: Rows of the sheet.
        shown: Name of the sheet in messages.

    Raises:
        ValueError: if two columns could be the same thing, one is related to the label but unknown, or one is missing.
    """
    found = [(row, _meanings(cells)) for row, cells in enumerate(grid[:TITLE_ROWS])]
    for wanted in ({"name"}, {"x", "y"}):
        for row, meanings in found:
            if wanted & set(meanings):
                return Header(row, _columns(grid[row], meanings, shown))
    return None


def _meanings(headers: Sequence[str]) -> dict[str, list[int]]:
    """Return the positions of each known meaning, and of ``unknown`` where a header is related to the label."""
    meanings: dict[str, list[int]] = {}
    for position, header in enumerate(headers):
        word = re.sub(r"[^a-z0-9]", "", header.casefold())
        meaning = next((meaning for meaning, words in _KNOWN.items() if word in words), None)
        if meaning is None and _RELATED.search(word) and not _PREDICTION.search(word):
            meaning = "unknown"
        if meaning:
            meanings.setdefault(meaning, []).append(position)
    return meanings


def _columns(headers: Sequence[str], meanings: Mapping[str, list[int]], shown: str) -> dict[str, int]:
    candidates = sorted([*meanings.get("label", ()), *meanings.get("unknown", ())])
    if len(candidates) > 1 or "unknown" in meanings:
        raise ValueError(
            f"{shown}: expected one column of the label, called Glaucoma Label, with 1 for glaucoma, but got "
            f"{[headers[position] for position in candidates]}; rename the right one and remove the others."
        )
    for positions in meanings.values():
        if len(positions) > 1:
            raise ValueError(
                f"{shown}: expected each column once, but got {[headers[position] for position in positions]}; remove all "
                "but one."
            )
    if "name" not in meanings or ("x" in meanings) != ("y" in meanings):
        raise ValueError(
            f"{shown}: expected the columns ImgName, Fovea_X and Fovea_Y, but got {[cell for cell in headers if cell]}; "
            "rename them."
        )
    return {meaning: positions[0] for meaning, positions in meanings.items()}
