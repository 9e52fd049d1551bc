"""Masks as PNG files that know which file they were made of."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from fundus_mtl.files import whole_file


def up_to_date(source: Path, masks: Iterable[Path]) -> bool:
    """Return whether all masks bear their source's time of change: a source replaced by an older file is noticed too."""
    stamp = source.stat().st_mtime_ns
    return all(path.is_file() and path.stat().st_mtime_ns == stamp for path in masks)


def write_mask(mask: NDArray[Any], path: Path, source: Path, name: str) -> None:
    """Write a mask whole or not at all, with its source's time of change.

    Args:
        mask: ``(H, W)``, bool (one bit per pixel) or uint8.
        path: Path of the PNG.
        source: File that the mask was made from.
        name: Name of the case, for the message.

    Raises:
        OSError: if it cannot be written, a full disk included.
    """
    stamp = source.stat().st_mtime_ns
    try:
        with whole_file(path) as partial:
            Image.fromarray(mask).save(partial, format="PNG")
            os.utime(partial, ns=(stamp, stamp))
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(
            error.errno,
            f"{name}: expected to write {path.name}, but got: {reason}; free some space or choose another folder.",
        ) from error
