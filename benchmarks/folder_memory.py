"""Measure whether memory grows with the number of photographs: resident memory of ``fundus-mtl infer`` while it runs.

The command does everything that it does for a clinic: list files, read ahead, run the network, measure, write the results.

    python benchmarks/folder_memory.py --weights runs/demo/refuge_mtl/models/model.pt --counts 20 200 2000
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import psutil

HEIGHT, WIDTH = 120, 160
HEAD = "photographs | MiB after a tenth | MiB after the last | MiB at the highest | s per photograph"


def draw(folder: Path, count: int) -> None:
    """Write different photographs with a field of view and a bright disc."""
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]
    seen = np.hypot(ys - HEIGHT / 2, xs - WIDTH / 2) < 0.45 * HEIGHT
    disc = np.hypot(ys - HEIGHT / 2, xs - WIDTH / 2 + 20) < 9
    drawn = np.where(seen[..., None], (20, 70, 160), 0) + np.where(disc[..., None], (100, 120, 70), 0)
    noise = np.random.default_rng(0)
    for index in range(count):
        path = folder / f"{index // 100:03d}" / f"{index:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), (drawn + noise.integers(0, 20, (HEIGHT, WIDTH, 3))).astype(np.uint8))


def measure(weights: Path, folder: Path, count: int) -> list[tuple[int, float, float]]:
    """Run the command; return finished photographs, MiB and time several times per second; the last is the peak memory."""
    draw(folder / "in", count)
    command = [sys.executable, "-m", "fundus_mtl.cli", "infer", str(folder / "in"), str(folder / "out")]
    command += ["--weights", str(weights), "--device", "cpu", "--set", "rules::withhold_ungradable=false"]
    seen: list[tuple[int, float, float]] = []
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process = psutil.Process(child.pid)
    while True:
        time.sleep(0.2)
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        seen.append((_lines(folder / "out" / "journal.jsonl"), _resident(process), time.monotonic()))
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError(
            "expected the command to measure every photograph, but got another exit status; run it by hand."
        )
    return [*seen, (count, usage.ru_maxrss / 2**10, time.monotonic())]


def _lines(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def _resident(process: psutil.Process) -> float:
    try:
        return float(process.memory_info().rss / 2**20)
    except psutil.NoSuchProcess:  # the process has just ended
        return float("nan")


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--counts", type=int, nargs="+", default=[20, 200, 2000])
    given = parser.parse_args()
    print(HEAD, flush=True)
    for count in given.counts:
        with tempfile.TemporaryDirectory() as folder:
            *seen, (_, highest, _) = measure(given.weights, Path(folder), count)
        tenth = next(moment for moment in seen if moment[0] >= count // 10)
        last = next((moment for moment in seen if moment[0] >= count), seen[-1])
        pace = (last[2] - tenth[2]) / max(1, last[0] - tenth[0])
        print(f"{count:11d} | {tenth[1]:17.1f} | {last[1]:18.1f} | {highest:18.1f} | {pace:17.3f}", flush=True)


if __name__ == "__main__":
    main()
