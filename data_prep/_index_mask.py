"""Masks whose pixels are codes: read, checked, and turned into binary ones."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.data import PHOTOGRAPH_ERRORS, plain_reason
from fundus_mtl.photographs import checked_image

from ._mask_file import up_to_date, write_mask
from ._upright_size import upright_size

DISC, CUP = 1, 2  # 0 is background; the cup is part of the disc


def read_codes(path: Path, photograph: Path, codes: Collection[int], name: str) -> NDArray[np.uint8]:
    """Return a mask's codes ``(H, W)``.

    Args:
        path: File of the mask.
        photograph: File of the photograph, which must have the mask's size.
        codes: Codes that the mask may hold; a mask of one bit per pixel holds 0 and 1.
        name: Name of the photograph, for the messages.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be read, has several channels or another size, holds another code, or nothing but 0.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{name}: expected the mask {path.name}, but got no such file; unpack it again.")
    try:
        with checked_image(path) as image:
            found = np.asarray(image).astype(np.uint8) if image.mode in ("1", "L", "P") else None
            mode = image.mode
    except PHOTOGRAPH_ERRORS as error:
        raise ValueError(
            f"{name}: expected a readable mask, but got: {plain_reason(error)}; unpack it again."
        ) from error
    if found is None:
        raise ValueError(f"{name}: expected a mask of one channel, but got mode {mode} in {path.name}.")
    width, height = upright_size(photograph, name, "photograph")
    if found.shape != (height, width):
        raise ValueError(
            f"{name}: expected a mask of {width} x {height} px like the photograph, but got {found.shape[1]} x "
            f"{found.shape[0]} px in {path.name}; take both from the same packing."
        )
    present = np.unique(found).tolist()
    if unknown := sorted(set(present) - set(codes)):
        raise ValueError(f"{name}: expected the codes {sorted(codes)} in {path.name}, but got {unknown[0]}.")
    if present == [0]:
        raise ValueError(f"{name}: expected something drawn in {path.name}, but got background only; leave it out.")
    return found


def write_disc_and_cup(source: Path, photograph: Path, folder: Path, name: str) -> dict[str, Path]:
    """Turn a mask of codes 0, 1 (rim) and 2 (cup) into two PNGs, 0 and 255, the disc including the cup.

    A second call writes only what has changed.

    Args:
        source: File of the mask.
        photograph: File of the photograph.
        folder: Folder for the two files, made if it is not there.
        name: Name of the photograph, which becomes that of the files.

    Returns:
        The files, ``disc`` and ``cup``.

    Raises:
        FileNotFoundError: if there is no mask.
        ValueError: if the mask is damaged or of another size, or lacks the disc or the cup.
        OSError: if a file cannot be written.
    """
    paths = {task: folder / f"{name}_{task}.png" for task in ("disc", "cup")}
    if source.is_file() and up_to_date(source, paths.values()):
        return paths
    codes = read_codes(source, photograph, (0, DISC, CUP), name)
    if not {DISC, CUP} <= set(np.unique(codes).tolist()):
        raise ValueError(
            f"{name}: expected a rim and a cup in {source.name}, but got only one of the two; leave it out."
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_mask((codes >= DISC).astype(np.uint8) * 255, paths["disc"], source, name)
    write_mask((codes == CUP).astype(np.uint8) * 255, paths["cup"], source, name)
    return paths
