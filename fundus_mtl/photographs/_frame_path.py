"""Name one frame of a file with several: ``eye.dcm#2`` is the second."""

from __future__ import annotations

import os
import re
from pathlib import Path

_FRAME = re.compile(r"(?P<file>.+)#(?P<frame>[1-9][0-9]{0,5})", re.DOTALL)


def split_frame(path: str | os.PathLike[str]) -> tuple[Path, int | None]:
    """Return the file and the number of the frame, counted from 1; None where the path is a file's literal name."""
    given = Path(path)
    match = _FRAME.fullmatch(given.name)
    # The functions of os.path return False for names that no file can have, where Path raises.
    if match is None or os.path.lexists(given) or not os.path.isfile(given.parent / match["file"]):  # noqa: PTH113
        return given, None
    return given.parent / match["file"], int(match["frame"])


def photograph_file(path: str | os.PathLike[str]) -> Path:
    """Return the file of an item's ``image``, without the frame."""
    return split_frame(path)[0]
