"""Measure what starting costs: processor time of each command as a multiple of ``import torch`` in the same minutes.

Commands and imports alternate, so that other load on the machine affects both alike; each ratio is that of two medians.

    python benchmarks/start.py --repeats 5
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

COMMAND = [sys.executable, "-m", "fundus_mtl.cli"]
TORCH = [sys.executable, "-c", "import torch"]
MONAI = [sys.executable, "-c", "import torch, monai"]


def draw(path: Path) -> None:
    """Write one small photograph."""
    rows, columns = np.mgrid[:240, :300]
    seen = np.hypot(rows - 120, columns - 150) < 110
    disc = np.hypot(rows - 120, columns - 100) < 14
    levels = np.where(seen[..., None], (20, 70, 160), 0) + np.where(disc[..., None], (90, 110, 60), 0)
    cv2.imwrite(str(path), levels.astype(np.uint8))


def processor_seconds(command: list[str]) -> float:
    """Run a command; return the processor time of it and its children, s."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(child.pid, 0)
    return usage.ru_utime + usage.ru_stime


def commands(folder: Path) -> dict[str, list[str]]:
    """Return the commands that are compared, by name."""
    draw(folder / "eye.png")
    verbs = ("train", "evaluate", "infer", "compare", "export", "prepare", "bundle")
    helps = {f"{verb} --help": [*COMMAND, verb, "--help"] for verb in verbs}
    infer = [*COMMAND, "infer", str(folder), str(folder / "out"), "--overwrite", "--device", "cpu"]
    return {"import torch": TORCH, "import torch, monai": MONAI, **helps, "infer, one photograph": infer}


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as name:
        table = commands(Path(name))
        spent: dict[str, list[float]] = {command: [] for command in table}
        for _ in range(repeats):
            for command, words in table.items():
                spent[command].append(processor_seconds(words))
    torch, monai = (statistics.median(spent[name]) for name in ("import torch", "import torch, monai"))
    print(f"{'command':24} | s of processor time | ratio to import torch | to import torch, monai")
    for command, seconds in spent.items():
        middle = statistics.median(seconds)
        print(f"{command:24} | {middle:19.2f} | {middle / torch:21.2f} | {middle / monai:22.2f}")


if __name__ == "__main__":
    main()
