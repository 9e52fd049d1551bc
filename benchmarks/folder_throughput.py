"""Measure how much faster a folder of photographs is on two cores than on one: the whole command, start-up left out.

Each run is a process of its own that may use one core or two. Runs alternate, and the shortest wall time of each counts, so
that the ratio can be trusted only on a machine that is otherwise idle.

    python benchmarks/folder_throughput.py PHOTOGRAPHS
    python benchmarks/folder_throughput.py PHOTOGRAPHS --options '{"vessels": true}'
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile

RUN = """
import json, logging, os, sys, time
cores = set(json.loads(sys.argv[1]))
os.sched_setaffinity(0, cores)
from fundus_mtl import inference
from fundus_mtl.results import FolderResults

logging.disable()
times = []
add = FolderResults.add
def counted(self, samples):
    times.append((time.perf_counter(), time.process_time()))
    add(self, samples)
FolderResults.add = counted
inference.infer(sys.argv[2], sys.argv[3], **json.loads(sys.argv[4]))
times.append((time.perf_counter(), time.process_time()))
(begun, used), (ended, done) = times[WARM], times[-1]
print(json.dumps([(ended - begun) / (len(times) - 1 - WARM), (done - used) / (len(times) - 1 - WARM)]))
"""
WARM = 2  # photographs that are not counted


def seconds(cores: list[int], folder: str, options: dict[str, object]) -> tuple[float, float]:
    """Return wall and processor time per photograph, s."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    code = RUN.replace("WARM", str(WARM))
    with tempfile.TemporaryDirectory() as out:
        arguments = [sys.executable, "-c", code, json.dumps(cores), folder, f"{out}/results", json.dumps(options)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True, env=environment)
    wall, used = json.loads(done.stdout.splitlines()[-1])
    return wall, used


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--options", type=json.loads, default={}, help="JSON, such as '{\"vessels\": true}'")
    given = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    walls: dict[int, list[float]] = {1: [], 2: []}
    print("cores | s of wall time per photograph | s of processor time per photograph", flush=True)
    for _ in range(given.repeats):
        for count in walls:
            wall, used = seconds(cores[:count], given.folder, given.options)
            walls[count].append(wall)
            print(f"{count:5} | {wall:29.3f} | {used:34.3f}", flush=True)
    print(f"throughput of two cores divided by that of one: {min(walls[1]) / min(walls[2]):.2f}")


if __name__ == "__main__":
    main()
