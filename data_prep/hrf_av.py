"""HRF-AV: binary masks and four datalists from photographs and artery/vein maps.

    fundus-mtl prepare hrf_av RAW OUT

``RAW`` is the folder below which lie, in any subfolders, HRF's photographs (``01_h.jpg``, ``01_dr.JPG``), the artery/vein
maps (``01_h_AVmanual.png``) and the field-of-view masks (``01_h_mask.tif``; computed where it is missing). ``OUT`` gets

* ``masks/<id>_artery.png``, ``_vein.png``, ``_vessel.png`` and ``_fov.png``: one bit per pixel on the photograph's grid; a
  crossing is artery and vein, vessel is the union of both;
* ``datalist_mt_cool.json``: 15/30 as in MT-COOL, seeded, a third of each diagnosis; 3 of the 15 choose the model;
* ``datalist_mt_cool_all15.json``: the same with all 15 for training, in folds, and nothing that chooses a model;
* ``datalist_public.json``: the 24/21 of Learning-AVSegmentation; 3 of the 24 choose the model;
* ``datalist_cv5.json``: all in five folds, stratified by diagnosis.

Photographs are not copied: the datalists point to ``RAW``. A second run only writes the masks that changed. A map with white
pixels ("uncertain" in DRIVE and RITE; HRF-AV has none) is refused. Research use only.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fundus_mtl.data import write_datalist

from ._command import run
from ._hrf_av_documents import documents
from ._hrf_av_files import find_files
from ._hrf_av_items import Item, build_items, diagnosis

_SECTIONS = ("training", "validation", "testing")


def prepare(raw: str | Path, out: str | Path, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Write the masks and datalists.

    Args:
        raw: folder below which HRF-AV was unpacked.
        out: folder to write to, made if it is not there; may lie inside ``raw``.
        seed: Seed of the drawn splits and folds.

    Returns:
        The datalists by file name.

    Raises:
        FileNotFoundError: if there are no photographs or no maps.
        ValueError: if a file holds what it should not, two contradict each other, or a diagnosis has too few photographs.
        OSError: if something cannot be read or written, a full disk included.
    """
    raw, out = Path(raw), Path(out).resolve()
    items = build_items(find_files(raw), out)
    found = documents(items, seed)
    for name, document in found.items():
        write_datalist(out / name, document)
    return found


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a table with one line per datalist: how many photographs each section has, of which diagnosis."""
    rows = [["datalist", *_SECTIONS]]
    rows += [[name, *(_counts(document[section]) for section in _SECTIONS)] for name, document in found.items()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _counts(items: Sequence[Item]) -> str:
    counts = Counter(map(diagnosis, items))
    folds = len({item["fold"] for item in items if "fold" in item})
    parts = [f"{counts[kind]} {kind}" for kind in ("h", "g", "dr") if counts[kind]]
    return (f"{len(items)} ({', '.join(parts)})" if items else "0") + (f" in {folds} folds" if folds else "")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 1 after one sentence about what is wrong."""
    return run(argv, "HRF-AV", "hrf_av", __doc__, "the drawn splits and folds", prepare, table)


if __name__ == "__main__":
    sys.exit(main())
