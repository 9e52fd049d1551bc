"""Names that may become paths below an output folder."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath


def relative_name(name: str) -> str:
    """Return the one spelling of a relative path: ``a`` for ``./a``, ``a/`` and ``a``, so that equal files have equal names.

    Raises:
        ValueError: if the name is empty, absolute, leads out with ``..``, or holds a backslash or a control character.

    Example:
        >>> relative_name("./visit 2//a/")
        'visit 2/a'
    """
    path = PurePosixPath(unicodedata.normalize("NFC", name))
    strange = "\\" in name or any(unicodedata.category(character) == "Cc" for character in name)
    if path.is_absolute() or ".." in path.parts or not path.parts or strange:
        raise ValueError("expected a word or a relative path that stays inside its folder")
    return path.as_posix()
