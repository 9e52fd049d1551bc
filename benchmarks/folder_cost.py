"""Measure what a folder of photographs costs beside the network and one decoding: processor time per stage on one core.

``infer`` runs in this process with one thread, no read-ahead and no writer threads, so that every stage can be timed.
The table names each stage in ms of processor time per photograph and as a ratio to decoding once plus the bare network.

    python benchmarks/folder_cost.py PHOTOGRAPHS
    python benchmarks/folder_cost.py PHOTOGRAPHS --weights runs/demo/refuge_mtl/models/model.pt
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import cv2
import torch

WARM = 2  # photographs at the start that are not counted: they load libraries and choose kernels


class Clock:
    """Processor time of nested stages, each without the stages inside it."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self.photographs: list[dict[str, float]] = []
        self._stack: list[str] = []
        self._mark = time.process_time()

    def _charge(self) -> None:
        now = time.process_time()
        self.spent[self._stack[-1] if self._stack else "everything else"] += now - self._mark
        self._mark = now

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Charge what happens inside to a stage."""
        self._charge()
        self._stack.append(name)
        try:
            yield
        finally:
            self._charge()
            self._stack.pop()

    def next_photograph(self) -> None:
        """Close the account of a photograph."""
        self._charge()
        self.photographs.append(dict(self.spent))
        self.spent.clear()

    def timed(self, owner: Any, name: str, stage: str) -> None:
        """Charge all calls of a function or method to a stage."""
        original: Callable[..., Any] = getattr(owner, name)

        @wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            if self._stack and self._stack[-1] == stage:
                return original(*args, **kwargs)
            with self.stage(stage):
                return original(*args, **kwargs)

        setattr(owner, name, call)


def follow(clock: Clock) -> None:
    """Time the stages of a folder run."""
    from fundus_mtl.data import FolderSamples, GuardedTransform
    from fundus_mtl.engines import Stage
    from fundus_mtl.photographs import FundusReader
    from fundus_mtl.results import FolderResults, Measure, _photograph_results

    clock.timed(FundusReader, "_decode", "decode")
    clock.timed(torch.nn.Module, "__call__", "network")
    clock.timed(FolderSamples, "_sample", "preprocessing")
    clock.timed(GuardedTransform, "__call__", "postprocessing")
    clock.timed(Stage, "answer", "second stage")
    clock.timed(Measure, "__call__", "measurement")
    clock.timed(_photograph_results, "write_pictures", "pictures")
    add = FolderResults.add

    def counted(self: Any, samples: Any) -> None:
        with clock.stage("row"):
            add(self, samples)
        clock.next_photograph()

    FolderResults.add = counted  # type: ignore[method-assign]


def measure(folder: str, weights: str | None, options: dict[str, Any]) -> dict[str, float]:
    """Return the median processor time of each stage, ms per photograph."""
    from fundus_mtl.inference import infer

    clock = Clock()
    follow(clock)
    logging.disable()
    with tempfile.TemporaryDirectory() as out, contextlib.redirect_stderr(io.StringIO()):
        infer(folder, f"{out}/results", weights, read_ahead=0, writers=0, **options)
    counted = clock.photographs[WARM:]
    names = dict.fromkeys(name for one in counted for name in one)
    return {name: 1000 * statistics.median(one.get(name, 0.0) for one in counted) for name in names}


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--weights")
    parser.add_argument("--options", type=json.loads, default={}, help="JSON, such as '{\"flips\": [[1]]}'")
    given = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    spent = measure(given.folder, given.weights, given.options)
    floor = spent["decode"] + spent["network"]
    print(f"{'stage':16} | ms per photograph | ratio to decode + network")
    for name, ms in spent.items():
        print(f"{name:16} | {ms:17.1f} | {ms / floor:9.2f}")
    whole = sum(spent.values())
    print(f"{'whole':16} | {whole:17.1f} | {whole / floor:9.2f}")
    print(f"{'all but floor':16} | {whole - floor:17.1f} | {(whole - floor) / floor:9.2f}")


if __name__ == "__main__":
    main()
