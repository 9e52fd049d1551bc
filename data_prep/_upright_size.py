"""The size of a picture as viewers show it, with a sentence for damaged files."""

from __future__ import annotations

from pathlib import Path

from fundus_mtl.data import PHOTOGRAPH_ERRORS, picture_size, plain_reason


def upright_size(path: Path, name: str, kind: str) -> tuple[int, int]:
    """Return the width and height in px of a picture as viewers show it, from its header alone.

    Args:
        path: File.
        name: Name of the photograph, for the message.
        kind: What the file is, for the message, such as ``mask``.

    Raises:
        ValueError: if it is no readable picture.
    """
    try:
        return picture_size(path)
    except PHOTOGRAPH_ERRORS as error:
        raise ValueError(
            f"{name}: expected a readable {kind}, but got: {plain_reason(error)}; unpack it again."
        ) from error
