"""Step time and memory of every method overlay on the four-task U-Net, as ratios to Joint measured in one run.

    python benchmarks/step_cost.py [--rounds 8] [--width 16] [--size 128] [--batch 4] [--only joint pcgrad]

Behind the table in docs/methods.md. Each method trains in a process of its own, so that its peak of resident memory is
its own; the processes take turns step by step, so that a busy machine disturbs all alike.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

METHODS = sorted(path.stem for path in (Path(__file__).parents[1] / "bundles" / "methods").glob("*.yaml"))
PEAK_UNIT = 1024  # Linux reports KiB


def trainer_of(method: str, options: argparse.Namespace) -> Any:
    """Build a method's trainer from its own overlay, on random photographs with every label."""
    from monai.bundle import ConfigParser
    from monai.data import DataLoader, Dataset

    root = Path(__file__).parents[1] / "bundles"
    parser = ConfigParser()
    parser.read_config([str(root / "refuge_mtl" / "configs" / name) for name in ("common.yaml", "train.yaml")])
    parser.read_meta({})
    for key, value in ConfigParser.load_config_file(str(root / "methods" / f"{method}.yaml")).items():
        parser[key] = value
    size = options.size
    sample = {"image": torch.rand(3, size, size)}
    for name in ("disc", "cup", "fovea"):
        sample[name] = torch.rand(1, size, size).round()
    sample["glaucoma"] = torch.ones(1)
    sample |= {f"{name}_present": torch.tensor(True) for name in ("disc", "cup", "fovea", "glaucoma")}
    parser["train::dataloader"] = None
    parser["network_def::width"], parser["train::handlers"], parser["train::trainer::max_epochs"] = options.width, [], 1
    parser["device"] = torch.device("cpu")
    loader = DataLoader(Dataset([sample] * options.batch * (options.rounds + 2)), batch_size=options.batch)
    parser["train::trainer::train_data_loader"] = loader
    return parser.get_parsed_content("train::trainer")


def work(method: str, options: argparse.Namespace, pipe: Connection) -> None:
    """Train a step whenever told to, and answer with its seconds and the peak memory, MiB."""
    from ignite.engine import Events

    torch.set_num_threads(options.threads)
    trainer = trainer_of(method, options)
    started = [0.0]

    def wait() -> None:
        pipe.recv()
        started[0] = time.perf_counter()

    def answer() -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / PEAK_UNIT
        pipe.send((time.perf_counter() - started[0], peak))

    trainer.add_event_handler(Events.ITERATION_STARTED, wait)
    trainer.add_event_handler(Events.ITERATION_COMPLETED, answer)
    pipe.send((0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / PEAK_UNIT))
    trainer.run()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in {"rounds": 8, "width": 16, "size": 128, "batch": 4, "threads": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--only", nargs="*", default=METHODS)
    options = parser.parse_args()
    context = get_context("spawn")
    pipes = {}
    for method in options.only:
        ours, theirs = context.Pipe()
        context.Process(target=work, args=(method, options, theirs), daemon=True).start()
        pipes[method] = ours
    before = {method: pipe.recv()[1] for method, pipe in pipes.items()}
    seconds: dict[str, list[float]] = {method: [] for method in pipes}
    peak = dict(before)
    for _ in range(options.rounds + 2):
        for method, pipe in pipes.items():
            pipe.send("step")
            took, peak[method] = pipe.recv()
            seconds[method].append(took)
    medians = {method: statistics.median(values[2:]) for method, values in seconds.items()}  # two rounds warm up
    first = options.only[0] if "joint" not in medians else "joint"
    print("method         median s per step   ratio   memory of training, MiB   ratio")
    for method, median in medians.items():
        grown, base = peak[method] - before[method], peak[first] - before[first]
        print(f"{method:14s} {median:17.3f} {median / medians[first]:7.2f} {grown:25.0f} {grown / base:7.2f}")


if __name__ == "__main__":
    main()
