"""Which eye a photograph shows: as its file or a list says, as its name says, or as the disc seen from the fovea tells."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import NamedTuple

from fundus_mtl.results._given_facts import EYES, Facts

_EYES = {"od": "R", "right": "R", "os": "L", "left": "L"}


class Eye(NamedTuple):
    """The eye, who said so, and whether two sources disagree; None where fewer than two say anything."""

    laterality: str
    source: str | None
    conflict: bool | None

    @property
    def undisputed(self) -> str | None:
        """The eye if it is known and nobody disagrees: nasal and temporal must not be guessed."""
        return self.laterality if self.laterality in EYES and not self.conflict else None


def eye_of(relpath: str, facts: Facts, predicted: str = "unknown") -> Eye:
    """Believe the file or the list first, then the file's name, then the picture.

    Args:
        relpath: of the photograph.
        facts: with the eye of the DICOM header or a list.
        predicted: the eye that the picture shows, ``"unknown"`` where that cannot be told.
    """
    said = {
        facts.laterality_source: facts.laterality or "unknown",
        "filename": laterality_in_name(relpath),
        "predicted": predicted,
    }
    known = {source: eye for source, eye in said.items() if eye in EYES}
    conflict = len(set(known.values())) > 1 if len(known) > 1 else None
    for source, eye in known.items():
        return Eye(eye, source, conflict)
    return Eye("unknown", None, None)


def laterality_in_name(relpath: str) -> str:
    """Read OD, OS, right or left as a word of the file's name; single letters mean too many other things.

    Returns:
        ``"R"``, ``"L"``, or ``"unknown"`` where the name says nothing or both.

    Example:
        >>> laterality_in_name("visit 2/0017_OS.jpg")
        'L'
    """
    words = re.split(r"[^a-z]+", PurePosixPath(relpath).stem.lower())
    eyes = {_EYES[word] for word in words if word in _EYES}
    return eyes.pop() if len(eyes) == 1 else "unknown"
