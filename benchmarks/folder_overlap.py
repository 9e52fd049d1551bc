"""Measure whether decoding and writing overlap with the network, which here only waits, like a processor for a GPU.

python benchmarks/folder_overlap.py --count 20
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from fundus_mtl.data import FolderSamples
from fundus_mtl.photographs import FundusReader, scan_folder
from fundus_mtl.results import Cup, Disc, FolderResults, Rules, RunOptions

SIDE = 1000  # px


def draw(folder: Path, count: int) -> None:
    """Write photographs of noise in a field of view."""
    ys, xs = np.mgrid[:SIDE, :SIDE]
    seen = np.hypot(ys - SIDE / 2, xs - SIDE / 2)[..., None] < 0.45 * SIDE
    noise = np.random.default_rng(0)
    for index in range(count):
        levels = np.where(seen, np.asarray((20, 70, 160)) + noise.integers(0, 20, (SIDE, SIDE, 3)), 0)
        cv2.imwrite(str(folder / f"{index:03d}.jpg"), levels.astype(np.uint8))


def answer(item: Mapping[str, Any]) -> dict[str, Any]:
    """Read a photograph, and return a constant result as of a network."""
    height, width = FundusReader()(item["image"]).shape[1:]
    disc, cup = (torch.zeros(1, height, width, dtype=torch.uint8) for _ in range(2))
    disc[:, 400:540, 300:420], cup[:, 430:500, 330:390] = 1, 1
    return {"id": item["id"], "pred_disc": disc, "pred_cup": cup}


def seconds(photographs: Path, out: Path, network: float, threads: int) -> float:
    """Return the time per photograph, s, with a network that takes ``network`` s, and ``threads`` readers and writers."""
    rules = Rules(withhold_ungradable=False)
    model = {"id": "none", "sha256": ""}
    items = scan_folder(photographs)
    roles = [Disc("disc"), Cup("cup")]
    results = FolderResults(out, items, FundusReader(), model, roles, rules, options=RunOptions(writers=threads))
    results.start()
    begun = time.perf_counter()
    for sample in FolderSamples(results.pending, answer, results.fail, ahead=threads):
        time.sleep(network)
        results.add([sample])
    results.finish()
    return (time.perf_counter() - begun) / len(items)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20)
    count = parser.parse_args().count
    print("network, s | one after the other, s per photograph | overlapping, s per photograph")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        draw(folder / "in", count)
        seconds(folder / "in", folder / "first", 0.0, 0)  # not compared: loads the libraries
        for network in (0.0, 0.2, 0.5):
            apart, together = (seconds(folder / "in", folder / f"{network} {n}", network, n) for n in (0, 1))
            print(f"{network:10.1f} | {apart:37.2f} | {together:29.2f}", flush=True)


if __name__ == "__main__":
    main()
