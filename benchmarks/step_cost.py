"""Operations, step time and memory of every method overlay on the four-task U-Net, as ratios to Joint measured in one run.

    python benchmarks/step_cost.py [--rounds 8] [--width 16] [--size 128] [--batch 4] [--only joint pcgrad]

Source of the table in docs/methods.md. Each method trains in its own process, so that its peak memory can be measured; the
processes alternate after every step, so that other load on the machine affects all of them.
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

# mt_cool trains another network than the others.
METHODS = sorted(
    {path.stem for path in (Path(__file__).parents[1] / "bundles" / "methods").glob("*.yaml")} - {"mt_cool"}
)
PEAK_UNIT = 1024  # Linux reports KiB


def trainer_of(method: str, options: argparse.Namespace) -> Any:
    """Build a method's trainer from its own overlay, on random photographs with every label."""
    from monai.bundle import ConfigParser
    from monai.data import DataLoader, Dataset

    root = Path(__file__).parents[1] / "bundles"
    parser = ConfigParser()
    names = ("refuge_mtl/configs/common.yaml", "shared/train.yaml", "refuge_mtl/configs/train.yaml")
    parser.read_config([str(root / name) for name in names])
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
    parser["network_def::width"], parser["train::handlers"], parser["train::trainer::max_epochs"] = options.width, {}, 1
    parser["device"] = torch.device("cpu")
    loader = DataLoader(Dataset([sample] * options.batch * (options.rounds + 2)), batch_size=options.batch)
    parser["train::trainer::train_data_loader"] = loader
    return parser.get_parsed_content("train::trainer")


def work(method: str, options: argparse.Namespace, pipe: Connection) -> None:
    """Train a step per message; send its seconds, the peak memory, MiB, and the operations of the first step."""
    from ignite.engine import Events
    from torch.utils.flop_counter import FlopCounterMode

    torch.set_num_threads(options.threads)
    trainer = trainer_of(method, options)
    counter = FlopCounterMode(display=False)
    started = [0.0]

    def wait() -> None:
        pipe.recv()
        if trainer.state.iteration == 1:
            counter.__enter__()
        started[0] = time.perf_counter()

    def answer() -> None:
        seconds = time.perf_counter() - started[0]
        if trainer.state.iteration == 1:
            counter.__exit__(None, None, None)
        pipe.send((seconds, peak_memory(), counter.get_total_flops()))

    trainer.add_event_handler(Events.ITERATION_STARTED, wait)
    trainer.add_event_handler(Events.ITERATION_COMPLETED, answer)
    pipe.send((0.0, peak_memory(), 0))
    trainer.run()


def peak_memory() -> float:
    """Return this process's peak of resident memory, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / PEAK_UNIT


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
    memory, flops = {}, {}
    for _ in range(options.rounds + 2):
        for method, pipe in pipes.items():
            pipe.send("step")
            took, peak, flops[method] = pipe.recv()
            memory[method] = peak - before[method]
            seconds[method].append(took)
    medians = {method: statistics.median(values[2:]) for method, values in seconds.items()}  # two rounds warm up
    first = "joint" if "joint" in medians else options.only[0]
    print(
        f"ratios to {first}; its step: {medians[first]:.3f} s, {flops[first] / 1e9:.1f} GFLOP, {memory[first]:.0f} MiB"
    )
    print("method         operations   time   memory")
    for method, median in medians.items():
        ratios = flops[method] / flops[first], median / medians[first], memory[method] / memory[first]
        print(f"{method:14s} {ratios[0]:10.2f} {ratios[1]:6.2f} {ratios[2]:8.2f}")


if __name__ == "__main__":
    main()
