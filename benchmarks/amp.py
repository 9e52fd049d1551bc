"""Mixed precision against float32: time of a step and of inference, and the answers of the shipped models on photographs.

    python benchmarks/amp.py [--rounds 6] [--threads 1] [--only VGGUNet-16 EfficientUNet]
    python benchmarks/amp.py --photographs data/merged/whole.json [--sample 40]

The first table supports the rule of ``amp: auto`` (fundus_mtl/precision.py) and that networks and inputs are
channels-last; the second shows what the precision changes. Formats alternate, so that other load on the machine affects
all of them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from fundus_mtl.data import load_datalist
from fundus_mtl.networks import EfficientUNet, SplitUNet, VGGUNet
from fundus_mtl.precision import Precision
from fundus_mtl.predictor import Answer, load_model
from fundus_mtl.tasks import Task


def tasks_of(dense: int) -> list[Task]:
    """Return some dense tasks and one of the whole image."""
    dense_tasks = [Task(f"mask{i}", 1, "segmentation", nn.BCEWithLogitsLoss()) for i in range(dense)]
    return [*dense_tasks, Task("score", 1, "classification", nn.BCEWithLogitsLoss())]


# Network, side of the input (px), batch size of the step.
NETWORKS: dict[str, tuple[Callable[[], nn.Module], int, int]] = {
    "VGGUNet-12": (lambda: VGGUNet(tasks_of(3), width=12), 160, 8),
    "VGGUNet-16": (lambda: VGGUNet(tasks_of(3), width=16), 192, 4),
    "VGGUNet-32": (lambda: VGGUNet(tasks_of(3), width=32), 192, 4),
    "VGGUNet-64": (lambda: VGGUNet(tasks_of(3), width=64), 256, 2),
    "SplitUNet-16": (lambda: SplitUNet(tasks_of(1), width=16, depth=4, norm="running"), 512, 2),
    "EfficientUNet": (lambda: EfficientUNet(tasks_of(2)), 320, 8),
}
WAYS = {
    "float32, contiguous": (torch.contiguous_format, "float32"),
    "float32": (torch.channels_last, "float32"),
    "bfloat16": (torch.channels_last, "bfloat16"),
}


def seconds(network: nn.Module, image: torch.Tensor, precision: Precision, train: bool) -> float:
    """Time one forward pass, and the backward pass if the network is trained, s."""
    network.train(train)
    start = time.perf_counter()
    with torch.set_grad_enabled(train):
        with torch.autocast("cpu", enabled=precision.mixed, **precision.autocast):
            answers = network(image)
        if train:
            torch.stack([answer.float().mean() for answer in answers.values()]).sum().backward()
    return time.perf_counter() - start


def speed(options: argparse.Namespace) -> None:
    """Print the ratios to float32 with channels-last."""
    print("| network | size | " + " | ".join(f"{way}, {kind}" for kind in ("step", "inference") for way in WAYS) + " |")
    print("|---|---|" + "---|" * (2 * len(WAYS)))
    for name in options.only:
        make, size, batch = NETWORKS[name]
        networks = {way: make().to(memory_format=layout) for way, (layout, _) in WAYS.items()}
        cells = []
        for train in (True, False):
            times: dict[str, list[float]] = {way: [] for way in WAYS}
            image = torch.rand(batch if train else 1, 3, size, size)
            for _ in range(options.rounds + 1):
                for way, (layout, precision) in WAYS.items():
                    given = image.contiguous(memory_format=layout)
                    times[way].append(seconds(networks[way], given, Precision.of(precision, "cpu"), train))
            medians = {way: statistics.median(values[1:]) for way, values in times.items()}
            cells += [f"{median / medians['float32']:.2f}" for median in medians.values()]
        print(f"| {name} | {batch} × {size}² | " + " | ".join(cells) + " |", flush=True)


def dice(one: Any, other: Any) -> float:
    """Return the Dice coefficient of two masks; 1 if both are empty."""
    one, other = np.asarray(one) > 0, np.asarray(other) > 0
    total = one.sum() + other.sum()
    return float(2 * (one & other).sum() / total) if total else 1.0


def answers(options: argparse.Namespace) -> None:
    """Print how far the answers of the shipped models in another precision are from those in float32."""
    from PIL import Image

    path = Path(options.photographs)
    items = [item for item in load_datalist(path)["testing"] if "disc" in item]
    items = items[:: max(1, len(items) // options.sample)][: options.sample]
    models = {name: load_model(amp=name, device="cpu") for name in ("float32", options.precision)}
    rows: list[dict[str, float]] = []
    for item in items:
        with Image.open(path.parent / item["image"]) as opened:
            photograph = np.asarray(opened.convert("RGB"))
        with Image.open(path.parent / item["disc"]) as opened:
            truth = np.asarray(opened.convert("L"))
        rows.append(
            differences({name: model([photograph])[0] for name, model in models.items()}, truth, options.precision)
        )
    print(f"{len(rows)} photographs of {path.name}; {options.precision} against float32")
    print("| measure | mean | median | largest |\n|---|---|---|---|")
    for key in sorted({key for row in rows for key in row}):
        values = np.abs([row[key] for row in rows if key in row])
        signed = np.mean([row[key] for row in rows if key in row])
        print(f"| {key} | {signed:+.5f} | {np.median(values):.5f} | {values.max():.5f} |")


def differences(found: dict[str, Answer], truth: np.ndarray, precision: str) -> dict[str, float]:
    """Return the differences between two answers to a photograph."""
    full, mixed = found["float32"], found[precision]
    row = {
        f"{name}: 1 - Dice of both masks": 1 - dice(full.masks[name], mixed.masks[name])
        for name in full.masks
        if full.masks[name] is not None and mixed.masks[name] is not None
    }
    if "disc" in full.masks:
        row["disc: difference of the Dice with the label"] = dice(mixed.masks["disc"], truth) - dice(
            full.masks["disc"], truth
        )
    for name, point in full.points.items():
        if point is not None and mixed.points[name] is not None:
            row[f"{name}: distance, px of the photograph"] = float(np.hypot(*np.subtract(mixed.points[name], point)))
    for name, score in full.scores.items():
        if score is not None and mixed.scores[name] is not None:
            row[f"{name}: difference of the score"] = float(mixed.scores[name]) - float(score)
    return row


def main() -> None:
    """Print one of the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--only", nargs="*", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--photographs", help="datalist whose section testing is measured")
    parser.add_argument("--sample", type=int, default=40, help="number of photographs")
    parser.add_argument("--precision", default="bfloat16")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    (answers if options.photographs else speed)(options)


if __name__ == "__main__":
    main()
