"""MNIST's IDX files: two zero bytes, 8 for unsigned bytes, the number of axes, their sizes (big-endian), then the bytes."""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.data import Digits

SIDE = 28  # px
MOST_BYTES = 50_000_000  # of a file, unpacked; the largest published one has 47,040,016
_UNSIGNED_BYTES = 8
# MD5 of the four published files, unpacked; what packs them may differ.
PUBLISHED = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def read_digits(folder: Path, part: str) -> tuple[Digits, bool]:
    """Return the ``train`` or ``t10k`` digits, and whether they are the published ones, to the last bit.

    Raises:
        FileNotFoundError: if a file does not exist; the sentence says where to get it and where to put it.
        ValueError: if a file is damaged, or images and labels do not belong together.
    """
    contents = {name: _content(folder, name) for name in PUBLISHED if name.startswith(part)}
    (image_name, label_name), (image_bytes, label_bytes) = contents, contents.values()
    images, labels = parse_idx(image_bytes, 3, image_name), parse_idx(label_bytes, 1, label_name)
    if images.shape[1:] != (SIDE, SIDE):
        raise ValueError(
            f"{image_name}: expected images of {SIDE}x{SIDE} px, but got {images.shape[2]}x{images.shape[1]}."
        )
    if len(images) != len(labels):
        raise ValueError(f"{label_name}: expected a label for each of {len(images)} images, but got {len(labels)}.")
    if len(labels) and labels.max() > 9:
        raise ValueError(f"{label_name}: expected digits from 0 to 9, but got {labels.max()}.")
    sums = {name: hashlib.md5(content, usedforsecurity=False).hexdigest() for name, content in contents.items()}
    ids = np.array([f"{part}_{row:05}" for row in range(len(labels))], dtype=np.str_)
    return Digits(images, labels, ids), all(PUBLISHED[name] == found for name, found in sums.items())


def parse_idx(content: bytes, axes: int, name: str) -> NDArray[np.uint8]:
    """Return the array of an IDX file of unsigned bytes.

    Raises:
        ValueError: if the header is none of such a file with that many axes, or the bytes are too few or too many.
    """
    magic = bytes((0, 0, _UNSIGNED_BYTES, axes))
    if content[:4] != magic:
        raise ValueError(f"{name}: expected an IDX file (it begins with {magic.hex()}), but got {content[:4].hex()}.")
    begin = 4 + 4 * axes
    if len(content) < begin:
        raise ValueError(f"{name}: expected a header of {begin} bytes, but got {len(content)}; the file is cut off.")
    shape = struct.unpack(f">{axes}I", content[4:begin])
    wanted, found = math.prod(shape), len(content) - begin
    if found != wanted:
        why = "the file is cut off" if found < wanted else "the file is too long"
        raise ValueError(f"{name}: expected {wanted} bytes for {shape}, but got {found}; {why}.")
    return np.frombuffer(content, dtype=np.uint8, offset=begin).reshape(shape)


def _content(folder: Path, name: str) -> bytes:
    """Return the unpacked bytes of ``name`` or ``name.gz``."""
    plain, packed = folder / name, folder / f"{name}.gz"
    if plain.is_file():
        return plain.read_bytes()
    if not packed.is_file():
        raise FileNotFoundError(
            f"{name}: expected it, plain or as .gz, in {folder}, but it is not there; get MNIST's four files "
            f"({', '.join(PUBLISHED)}), as published by LeCun, Cortes and Burges and in many mirrors, "
            "and put them into that folder."
        )
    try:
        with gzip.open(packed) as file:
            content = file.read(MOST_BYTES + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{packed.name}: expected a gzip file, but got: {error}; get it again.") from error
    if len(content) > MOST_BYTES:
        raise ValueError(f"{packed.name}: expected at most {MOST_BYTES:,} unpacked bytes, but got more; get it again.")
    return content
