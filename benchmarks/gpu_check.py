"""Check every method on a GPU in five minutes, on data that the script draws.

    python benchmarks/gpu_check.py [--device cuda] [--json gpu_check.json]

Run it from a copy of the checkout. It needs torch (2.8 or newer), monai, pytorch-ignite, numpy, scipy, scikit-image,
scikit-learn, pandas and pillow. Without a GPU it runs on the processor, with a smaller network.

One row per method and precision:

* *loss*: sum of the tasks' losses in the last step; all losses must be finite.
* *CPU*: largest relative difference of a task's loss from the same training on the processor in float32, over all steps.
  GradDrop and MT-COOL draw random numbers on the device, so that their trainings differ from the first step on.
* *syncs*: operations of one step that make the processor wait for the GPU, as CUDA's debug mode counts them.
* *÷ loop*: time of a step divided by that of a plain loop of the passes that the method cannot avoid.
* *MiB*: peak of GPU memory.

The last rows are images per second through the networks of the shipped models, with their weights.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks._gpu_methods import METHODS
from benchmarks._gpu_rows import Row, check
from benchmarks._plain_loop import wait
from fundus_mtl.networks import EfficientUNet, load_weights
from fundus_mtl.precision import Precision
from fundus_mtl.tasks import Task

DTYPES = ("float32", "bfloat16", "float16")
BUNDLES = Path(__file__).resolve().parents[1] / "bundles"


def throughput(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return images per second of the shipped networks, by batch size and precision."""
    device = torch.device(options.device)
    shipped = {
        "refuge_mtl": (("disc", "fovea", "quality"), (1, 1, 1), 320),
        "refuge_disc_mtl": (("segmentation",), (2,), 256),
    }
    found = []
    for bundle, (names, channels, size) in shipped.items():
        kinds = ["regression" if name == "quality" else "segmentation" for name in names]
        tasks = [
            Task(name, count, kind, nn.BCEWithLogitsLoss())
            for name, count, kind in zip(names, channels, kinds, strict=True)
        ]
        network = EfficientUNet(tasks)
        load_weights(network, BUNDLES / bundle / "models" / "model.pt")
        network = network.to(device, memory_format=torch.channels_last).eval()
        for name in options.precisions:
            precision = Precision.of(name, device)
            for batch in options.batches:
                image = torch.rand(batch, 3, size, size, device=device).contiguous(memory_format=torch.channels_last)
                seconds = []
                for _ in range(4):
                    wait(device)
                    start = time.perf_counter()
                    with torch.no_grad(), torch.autocast(device.type, enabled=precision.mixed, **precision.autocast):
                        network(image)
                    wait(device)
                    seconds.append(time.perf_counter() - start)
                rate = batch / statistics.median(seconds[1:])
                found.append({"bundle": bundle, "precision": name, "batch": batch, "images_per_second": rate})
    return found


def cell(value: float | int | None, form: str) -> str:
    """Return a number as text, or a dash."""
    return "–" if value is None else format(value, form)


def show(row: Row) -> None:
    """Print a line of the table."""
    if row.error is not None:
        print(f"| {row.method} | {row.precision} | {row.error} | | | | |", flush=True)
        return
    cells = [cell(row.loss, ".3f"), cell(row.difference, ".0e"), cell(row.synchronisations, "d")]
    cells += [cell(row.ratio_to_loop, ".2f"), cell(row.peak_mib, ".0f")]
    print(f"| {row.method} | {row.precision} | {' | '.join(cells)} |", flush=True)


def about(device: torch.device) -> dict[str, str]:
    """Return what the figures depend on."""
    on_gpu = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if on_gpu else platform.processor() or platform.machine(),
        "auto": Precision.of("auto", device).name,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def main() -> int:
    """Print the tables; return 1 if a training failed, or differs from the processor's in float32."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument("--only", nargs="*", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--precisions", nargs="*", help="default: all three on a GPU, float32 and bfloat16 elsewhere")
    for name, value, meaning in (
        ("steps", None, "steps of each training"),
        ("width", None, "width of the network"),
        ("size", None, "side of the images, px"),
        ("batch", None, "images per step"),
    ):
        parser.add_argument(f"--{name}", type=int, default=value, help=meaning)
    parser.add_argument("--batches", type=int, nargs="*", help="batch sizes of the shipped networks")
    parser.add_argument("--tolerance", type=float, default=2e-3, help="of float32 losses against the processor's")
    options = parser.parse_args()
    device = torch.device(options.device)
    usual = (
        {"steps": 6, "width": 16, "size": 128, "batch": 4, "batches": [1, 8, 32], "precisions": list(DTYPES)}
        if device.type == "cuda"
        else {"steps": 3, "width": 4, "size": 64, "batch": 2, "batches": [1], "precisions": list(DTYPES[:2])}
    )
    for name, value in usual.items():
        setattr(options, name, getattr(options, name) or value)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # as precise as the processor
    facts = about(device)
    print(", ".join(f"{key} {value}" for key, value in facts.items()))
    print("\n| method | precision | loss | CPU | syncs | ÷ loop | MiB |\n|---|---|---|---|---|---|---|")
    rows = []
    for name in options.only:
        for row in check(name, options):
            rows.append(row)
            show(row)
    print("\n| network | precision | batch | images per second |\n|---|---|---|---|")
    rates = throughput(options)
    for rate in rates:
        print(
            f"| {rate['bundle']} | {rate['precision']} | {rate['batch']} | {rate['images_per_second']:.1f} |",
            flush=True,
        )
    given = {key: value for key, value in vars(options).items() if key != "json"}
    report = {"about": facts, "options": given, "rows": [asdict(row) for row in rows], "throughput": rates}
    if options.json is not None:
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    else:
        print("\n" + json.dumps(report))
    failed = [row for row in rows if row.error is not None or (row.loss is not None and row.loss != row.loss)]
    failed += [row for row in rows if row.precision == "float32" and (row.difference or 0.0) > options.tolerance]
    for row in failed:
        print(f"FAILED: {row.method} in {row.precision}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
