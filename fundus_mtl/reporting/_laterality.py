"""Which eye a photograph shows, as far as its name says so."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

_EYES = {"od": "R", "right": "R", "os": "L", "left": "L"}


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
