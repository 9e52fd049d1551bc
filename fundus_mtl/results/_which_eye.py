"""Which eye a photograph shows: from its file or a list, from its name, or from the disc as seen from the fovea."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import ClassVar

from fundus_mtl.labels import EYE_WORDS
from fundus_mtl.results._column import Column, ColumnGroup, Columns
from fundus_mtl.results._facts import EYES
from fundus_mtl.results._findings import Findings
from fundus_mtl.results._relation import Relation


class WhichEye(Relation):
    """The eye, where this comes from, and whether two sources disagree; needs no role."""

    columns: ClassVar[tuple[ColumnGroup, ...]] = (
        ColumnGroup(
            1,
            (
                Column("laterality", "R | L | unknown", "right or left eye"),
                Column(
                    "laterality_source",
                    "dicom | list | filename | predicted",
                    "the first source that gives it: the DICOM header or the user's list, the file's name, the side of "
                    "the disc seen from the fovea; empty where none does",
                ),
                Column(
                    "laterality_conflict",
                    "yes | no",
                    "whether two of these disagree; empty where fewer than two give it",
                ),
            ),
        ),
    )

    def measure(self, found: Findings, columns: Columns) -> Columns:
        """Trust the file or the list first, then the file's name, then the picture (``laterality`` so far)."""
        sources = {
            found.facts.laterality_source: found.facts.laterality,
            "filename": laterality_in_name(found.relpath),
            "predicted": columns.get("laterality"),
        }
        known = {source: eye for source, eye in sources.items() if eye in EYES}
        source = next(iter(known), None)
        return {
            "laterality": "unknown" if source is None else known[source],
            "laterality_source": source,
            "laterality_conflict": len(set(known.values())) > 1 if len(known) > 1 else None,
        }

    def flags(self, found: Findings, columns: Columns) -> list[str]:
        """Return that two sources disagree."""
        return ["laterality_conflict"] if columns["laterality_conflict"] else []


def laterality_in_name(relpath: str) -> str:
    """Read OD, OS, right or left as a word of the file's name; single letters mean too many other things.

    Returns:
        ``"R"``, ``"L"``, or ``"unknown"`` where the name contains neither or both.

    Example:
        >>> laterality_in_name("visit 2/0017_OS.jpg")
        'L'
    """
    words = re.split(r"[^a-z]+", PurePosixPath(relpath).stem.lower())
    eyes = {EYE_WORDS[word] for word in words if len(word) > 1 and word in EYE_WORDS}
    return eyes.pop() if len(eyes) == 1 else "unknown"
