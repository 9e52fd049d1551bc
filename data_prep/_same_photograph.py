"""Which files show the same photograph: public data sets hold copies, under other names and even of other "patients".

Two files are the same photograph if they are one file, if their bytes are equal, or if their thumbnails hardly differ:
a copy that was compressed again or reduced has other bytes. On IDRiD, HYGD, HRF, CHASE_DB1 and GRAPE, copies differ
by at most 0.6 grey levels on average, and different photographs by at least 2.8.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tqdm import tqdm

from fundus_mtl.data import PHOTOGRAPH_ERRORS, PICTURES, plain_reason
from fundus_mtl.files import file_sha256

SAME = 1.5  # mean absolute difference of thumbnails, grey levels of 255
SIDE = 32  # px, of a thumbnail
_ROWS = 256  # compared at once, so that memory stays small


def same_photographs(paths: Sequence[Path]) -> list[int]:
    """Return for each file the position of the first one that shows the same photograph, often its own.

    Raises:
        ValueError: if a file is no readable picture.
    """
    resolved = [path.resolve() for path in paths]
    different = sorted(set(resolved))
    pairs = [*_equal_bytes(different), *_equal_thumbnails(different)]
    group = dict(zip(different, linked(len(different), pairs), strict=True))
    first: dict[int, int] = {}
    return [first.setdefault(group[path], position) for position, path in enumerate(resolved)]


def linked(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Return for each of ``count`` things the number of the group into which the pairs join them."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = np.array(list(pairs), dtype=np.intp).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends), dtype=bool), (ends[:, 0], ends[:, 1])), shape=(count, count))
    return [int(number) for number in connected_components(graph, directed=False)[1]]


def _equal_bytes(paths: Sequence[Path]) -> list[tuple[int, int]]:
    first: dict[str, int] = {}
    pairs = []
    for position, path in enumerate(paths):
        pairs.append((first.setdefault(file_sha256(path), position), position))
    return pairs


def _equal_thumbnails(paths: Sequence[Path]) -> list[tuple[int, int]]:
    from scipy.spatial.distance import cdist

    if not paths:
        return []
    thumbnails = np.stack([_thumbnail(path) for path in tqdm(paths, desc="comparing", unit="photograph")])
    pairs = []
    for start in range(0, len(paths), _ROWS):
        distances = cdist(thumbnails[start : start + _ROWS], thumbnails, "cityblock") / thumbnails.shape[1]
        pairs += [(int(row) + start, int(column)) for row, column in np.argwhere(distances < SAME)]
    return pairs


def _thumbnail(path: Path) -> NDArray[np.float32]:
    try:
        with Image.open(path, formats=PICTURES) as image:  # never by other programs
            image.draft("RGB", (8 * SIDE, 8 * SIDE))  # JPEG decodes an eighth of it far faster
            upright = ImageOps.exif_transpose(image.convert("RGB"))
            return np.asarray(upright.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float32).ravel()
    except PHOTOGRAPH_ERRORS as error:
        raise ValueError(
            f"{path.name}: expected a readable photograph, but got: {plain_reason(error)}; unpack it again."
        ) from error
