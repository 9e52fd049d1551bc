"""Step time of the demo's network in the two memory formats, as a ratio measured in one run.

    python benchmarks/memory_format.py [--threads 2] [--rounds 10]

Supports the claim in bundles/refuge_mtl/configs/common.yaml that channels_last is faster.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from fundus_mtl.networks import VGGUNet
from fundus_mtl.tasks import Task

FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def step_seconds(network: VGGUNet, image: torch.Tensor) -> float:
    """Time one forward and backward pass, s."""
    start = time.perf_counter()
    torch.stack([out.mean() for out in network(image).values()]).sum().backward()
    return time.perf_counter() - start


def main() -> None:
    """Print the table; the formats alternate, so that other load on the machine affects both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    tasks = [Task(name, 1, "segmentation", torch.nn.BCEWithLogitsLoss()) for name in ("disc", "cup", "fovea")]
    tasks.append(Task("glaucoma", 1, "classification", torch.nn.BCEWithLogitsLoss()))
    image = torch.rand(8, 3, 160, 160)
    networks = {name: VGGUNet(tasks, width=12).to(memory_format=layout) for name, layout in FORMATS.items()}
    seconds: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(options.rounds + 2):
        for name, network in networks.items():
            seconds[name].append(step_seconds(network, image))
    medians = {name: statistics.median(values[2:]) for name, values in seconds.items()}  # two rounds warm up
    print("format         median s per step   ratio")
    for name, median in medians.items():
        print(f"{name:14s} {median:17.3f}   {median / medians['contiguous']:.2f}")


if __name__ == "__main__":
    main()
