"""Does memory grow with the folder? Small photographs, answers without a network, resident memory while the run goes on.

The network's own memory does not depend on the number of photographs, so it is left out. What is left is all that holds
something per photograph: the list of files, reading ahead, measuring, the journal, tables and the report.

    python benchmarks/folder_memory.py --counts 20 200 2000
"""

from __future__ import annotations

import argparse
import gc
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import torch

from fundus_mtl.data import FolderSamples, FundusReader, scan_folder
from fundus_mtl.reporting import FolderResults, Rules

HEIGHT, WIDTH = 120, 160


def draw(folder: Path, count: int) -> None:
    """Write photographs with a field of view and a disc, each another one."""
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]
    seen = np.hypot(ys - HEIGHT / 2, xs - WIDTH / 2) < 0.45 * HEIGHT
    noise = np.random.default_rng(0)
    for index in range(count):
        picture = np.where(seen[..., None], (20, 70, 160), 0) + noise.integers(0, 20, (HEIGHT, WIDTH, 3))
        path = folder / f"{index // 100:03d}" / f"{index:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), picture.astype(np.uint8))


def answer(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a network would have said, after the photograph was read as for it."""
    FundusReader()(item["image"])
    disc, cup = (torch.zeros(1, HEIGHT, WIDTH, dtype=torch.uint8) for _ in range(2))
    disc[:, 50:74, 40:60], cup[:, 56:68, 45:55] = 1, 1
    return {
        "id": item["id"],
        "pred_disc": disc,
        "pred_cup": cup,
        "pred_fovea": torch.tensor([110.0, 62.0]),
        "pred_glaucoma": torch.tensor([0.25]),
    }


def measure(count: int, folder: Path) -> dict[str, float]:
    """Return the resident memory in MiB after a tenth, at the end of the photographs, and after the tables."""
    draw(folder / "in", count)
    results = FolderResults(
        folder / "out",
        scan_folder(folder / "in"),
        FundusReader(),
        {"id": "none", "sha256": ""},
        rules=Rules(withhold_ungradable=False),
    )
    process, seen = psutil.Process(), []
    results.start()
    for index, sample in enumerate(FolderSamples(results.pending, answer, results.fail)):
        results.add([sample])
        if index in (count // 10, count - 1):
            gc.collect()
            seen.append(process.memory_info().rss / 2**20)
    results.finish()
    gc.collect()
    return {"tenth": seen[0], "last": seen[-1], "tables": process.memory_info().rss / 2**20}


def main() -> None:
    """Print one table."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--counts", type=int, nargs="+", default=[20, 200, 2000])
    print("photographs | MiB after a tenth | MiB after the last | MiB after tables and report")
    for count in [20, *arguments.parse_args().counts]:  # the first one loads libraries, and is not to be compared
        folder = Path(tempfile.mkdtemp())
        try:
            found = measure(count, folder)
        finally:
            shutil.rmtree(folder)
        print(f"{count:11d} | {found['tenth']:17.1f} | {found['last']:18.1f} | {found['tables']:27.1f}", flush=True)


if __name__ == "__main__":
    main()
