"""IDRiD's table of points and boxes: read strictly, unknown numbers allowed."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from fundus_mtl.labels import read_split

from ._columns import read_columns, read_number

if TYPE_CHECKING:
    import pandas as pd

GROUPS = (("fovea_x", "fovea_y"), ("od_x", "od_y"), ("od_box_cx", "od_box_cy", "od_box_w", "od_box_h"))
NUMBERS = tuple(column for group in GROUPS for column in group)
REQUIRED = ("image", "split", *GROUPS[0])
_SPLITS = {"training": "train", "validation": "validation", "testing": "test"}
_logger = logging.getLogger(__name__)


def read_labels(path: Path) -> pd.DataFrame:
    """Return the table, one row per photograph.

    Args:
        path: CSV with commas, semicolons or tabs; blank rows are skipped.

    Returns:
        The columns image (a file's name), split (``train``, ``validation`` or ``test``) and `NUMBERS`, NaN where unknown.

    Raises:
        ValueError: if a column, a split or a number is none, or a photograph stands twice; the sentence names the row.
    """
    import pandas as pd

    rows: dict[str, dict[str, str | float]] = {}
    for where, cells in read_columns(path, REQUIRED, NUMBERS):
        row = _row(cells, where)
        if row["image"] in rows:
            raise ValueError(f"{where}: expected every photograph once, but got {row['image']} again; remove a row.")
        rows[str(row["image"])] = row
        absent = [column for column in NUMBERS if column not in cells]
    if absent:
        _logger.warning("%s: expected the columns %s, but got none of them; they are unknown.", path.name, absent)
    return pd.DataFrame(list(rows.values()), columns=["image", "split", *NUMBERS])


def _row(cells: dict[str, str], where: str) -> dict[str, str | float]:
    image = cells["image"]
    if not image or PurePosixPath(image).name != image or "\\" in image:
        raise ValueError(f"{where}: expected the name of a file in images/, but got {image!r}; correct it.")
    where = f"{where}, {image}"
    try:
        split = _SPLITS[read_split(cells["split"])]
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    numbers = {column: read_number(cells.get(column, ""), f"{where}: expected {column} as") for column in NUMBERS}
    for group in GROUPS:
        _check_group(group, numbers, where)
    return {"image": image, "split": split, **numbers}


def _check_group(group: Sequence[str], numbers: dict[str, float], where: str) -> None:
    unknown = [column for column in group if math.isnan(numbers[column])]
    if unknown and len(unknown) < len(group):
        raise ValueError(
            f"{where}: expected all of {list(group)} or none, but got no {unknown}; fill in or empty them."
        )
