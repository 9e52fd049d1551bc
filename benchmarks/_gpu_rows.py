"""One training per method and precision, compared with the processor's: the rows of `gpu_check.py`."""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from dataclasses import dataclass, field
from typing import Any

import torch
from ignite.engine import Events

from benchmarks._gpu_methods import METHODS, TASKS, Batch, build, draw
from benchmarks._plain_loop import PlainLoop, wait
from fundus_mtl.precision import Precision

OWN_DRAWS = ("graddrop", "mt_cool")


@dataclass
class Row:
    """Results of a method in a precision; None where something was not measured."""

    method: str
    precision: str
    loss: float | None = None
    difference: float | None = None
    synchronisations: int | None = None
    step_seconds: float | None = None
    ratio_to_loop: float | None = None
    peak_mib: float | None = None
    error: str | None = None
    losses: list[dict[str, float]] = field(default_factory=list)


def train(row: Row, trainer: Any, device: torch.device) -> None:
    """Run a training and fill in losses, time and memory."""
    started = [0.0]
    seconds: list[float] = []

    def begin() -> None:
        wait(device)
        started[0] = time.perf_counter()

    def end(engine: Any) -> None:
        wait(device)
        seconds.append(time.perf_counter() - started[0])
        row.losses.append({task.name: float(engine.state.output[f"loss_{task.name}"]) for task in TASKS})

    trainer.add_event_handler(Events.ITERATION_STARTED, begin)
    trainer.add_event_handler(Events.ITERATION_COMPLETED, end)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    trainer.run()
    row.loss = sum(row.losses[-1].values())
    row.step_seconds = statistics.median(seconds[1:] or seconds)
    if device.type == "cuda":
        row.peak_mib = torch.cuda.max_memory_allocated(device) / 2**20


def synchronisations(trainer: Any, batch: Batch, device: torch.device) -> int | None:
    """Return how often one more step makes the processor wait; None without a GPU."""
    if device.type != "cuda":
        return None
    trainer.state.iteration += 1
    pinned = {name: value.pin_memory() for name, value in batch.items()}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        trainer._iteration(trainer, pinned)
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message).lower() for warning in caught)


def difference(row: Row, reference: Row) -> float:
    """Return the largest relative difference of a loss between two trainings."""
    pairs = [
        (mine[name], other[name]) for mine, other in zip(row.losses, reference.losses, strict=True) for name in mine
    ]
    return max(abs(one - two) / max(abs(two), 1e-3) for one, two in pairs)


def check(name: str, options: argparse.Namespace) -> list[Row]:
    """Return the rows of a method, the processor's float32 training not included."""
    method, device = METHODS[name], torch.device(options.device)
    batches = draw(options.steps, options.size, options.batch)
    reference = Row(name, "float32")
    train(reference, build(method, torch.device("cpu"), "float32", batches, options.width), torch.device("cpu"))
    rows = []
    for precision in options.precisions:
        row = Row(name, precision)
        rows.append(row)
        try:
            trainer = build(method, device, precision, batches, options.width)
            train(row, trainer, device)
            row.synchronisations = synchronisations(trainer, batches[0], device)
            row.difference = None if name in OWN_DRAWS else difference(row, reference)
            loop = PlainLoop(method, device, Precision.of(precision, device), options.width).seconds(batches)
            row.ratio_to_loop = row.step_seconds / loop if row.step_seconds is not None else None
        except (RuntimeError, FloatingPointError) as error:
            row.error = f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return rows
