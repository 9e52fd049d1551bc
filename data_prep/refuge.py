"""REFUGE: binary masks and three datalists from the unpacked archives.

    fundus-mtl prepare refuge RAW OUT

``RAW`` is the folder below which everything was unpacked (REFUGE-Training400, Annotation-Training400,
REFUGE-Validation400, REFUGE-Validation400-GT, REFUGE-Test400, REFUGE-Test-GT; or REFUGE2's packing). ``OUT`` gets

* ``masks/<split>/<id>_disc.png`` and ``_cup.png``: 0 and 255, the disc includes the cup, native size;
* ``datalist_official.json``: the challenge's own split;
* ``datalist_cv5.json``: training and validation pooled in five folds, stratified by label and camera;
* ``datalist_mt_cool.json``: the 800/400 of MT-COOL, a tenth of the 800 held out for choosing the model.

Photographs are not copied: the datalists point to ``RAW``. A second run only writes the masks that changed. Research use
only; REFUGE needs a registration and must not be passed on.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fundus_mtl.data import write_datalist

from ._command import run
from ._refuge_documents import documents
from ._refuge_files import find_files
from ._refuge_items import build_items
from ._refuge_sheets import read_sheets

_HEADER = ("split", "n", "glaucoma", "missing label", "missing fovea", "missing masks", "cameras")


def prepare(raw: str | Path, out: str | Path, seed: int = 0) -> dict[str, list[dict[str, Any]]]:
    """Write the masks and datalists.

    Args:
        raw: folder below which REFUGE was unpacked.
        out: folder to write to, made if it is not there; may lie inside ``raw``.
        seed: Seed of the folds and of the share that is held out of training.

    Returns:
        The items of ``training``, ``validation`` and ``testing``.

    Raises:
        FileNotFoundError: if there is no training split.
        ValueError: if a file is damaged, or two contradict each other; the sentence names them.
        OSError: if something cannot be written, a full disk included.
    """
    raw, out = Path(raw), Path(out).resolve()
    files = find_files(raw, out)
    items = build_items(files, read_sheets(files), out)
    out.mkdir(parents=True, exist_ok=True)
    for name, document in documents(items, seed).items():
        write_datalist(out / name, document)
    return items


def table(items: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return a table with one line per split: how many photographs, of which class and camera, and what is missing."""
    rows = [_HEADER, *((split, *_counts(split_items)) for split, split_items in items.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _counts(items: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    positive = sum(item.get("glaucoma") == 1 for item in items)
    missing = [sum(task not in item for item in items) for task in ("glaucoma", "fovea", "disc")]
    cameras = Counter(item["camera"] for item in items)
    listed = ", ".join(f"{camera} ({count})" for camera, count in cameras.most_common()) or "none"
    return (*map(str, (len(items), positive, *missing)), listed)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 1 after one sentence about what is wrong."""
    return run(argv, "REFUGE", "refuge", __doc__, "the folds and the held-out share", prepare, table)


if __name__ == "__main__":
    sys.exit(main())
