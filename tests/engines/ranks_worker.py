"""Worker process: train every method on this rank's half of each batch and save the weights."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist

from fundus_mtl.engines import CooperativeTrainer
from fundus_mtl.optim import OptimizerGroup
from tests.engines.methods import METHODS, SGD, make
from tests.engines.toy import BINARY, Forked, PlainLoss, Split, build, samples, weights

# Labels are missing unevenly: rank 0 has none of b in the first batch, and c is nowhere in the second.
MISSING = {(0, "b"), (1, "b"), (2, "b"), (4, "a"), *((i, "c") for i in range(6, 12))}
BATCH = 6
EPOCHS = 3


def train(method, items, batch_size, **options):
    """Weights after training on the items in their order, and the losses reported at the end."""
    trainer = make(method, Forked(), items=items, batch_size=batch_size, epochs=EPOCHS, **options)
    if dist.is_initialized() and dist.get_rank() == 1:  # another initialisation: rank 0's weights must be used
        with torch.no_grad():
            for parameter in trainer.network.parameters():
                parameter.add_(1)
    trainer.run()
    losses = {str(key): float(value) for key, value in trainer.state.output[0].items() if key.startswith("loss")}
    counts = {key: value for key, value in trainer.state.output[0].items() if key.startswith("labelled")}
    return {"weights": weights(trainer.network), "losses": losses, "counts": counts}


class Normed(Forked):
    """With batch norm after the trunk; notes the seed that each forward's dropout would be drawn from."""

    def __init__(self):
        super().__init__()
        self.trunk = torch.nn.Sequential(self.trunk, torch.nn.BatchNorm1d(5, dtype=torch.float64))
        self.seeds = []

    def forward(self, image, tasks=None):
        self.seeds.append(torch.initial_seed())
        return super().forward(image, tasks)


def train_cooperative(items, batch_size):
    """Weights after two iterations of warm-up and four of turns, noise and divergence included."""
    trainer = build(
        CooperativeTrainer,
        lambda network: OptimizerGroup.per_share(BINARY, network, SGD),
        network=Split(),
        items=items,
        batch_size=batch_size,
        epochs=EPOCHS,
        loss_function=PlainLoss(BINARY),
        tasks=BINARY,
        warmup_iterations=2,
        inner_steps=2,
    )
    trainer.run()
    return {"weights": weights(trainer.network), "losses": {}, "counts": {}}


def refusal(items, batch_size):
    """Error message if the ranks have different numbers of batches."""
    try:
        make("joint-Sum", Forked(), items=items, batch_size=batch_size).run()
    except ValueError as error:
        return str(error)
    return ""


def train_normed(items, batch_size):
    """State after an epoch, running statistics included, and the seeds."""
    trainer = make("joint-Sum", Normed(), items=items, batch_size=batch_size, epochs=1)
    trainer.run()
    return {"weights": weights(trainer.network), "seeds": trainer.network.seeds}


def main(rank, folder):
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    items = samples(12, missing=MISSING)
    half = BATCH // 2
    own = [item for start in range(rank * half, 12, BATCH) for item in items[start : start + half]]
    runs = {method: partial(train, method, own, half) for method in METHODS}
    runs |= {f"{method} accumulated": partial(runs[method], accumulation_steps=2) for method in ACCUMULATING}
    runs["cooperative"] = partial(train_cooperative, own, half)
    runs["uneven"] = partial(refusal, own if rank else own[:half], half)
    runs["normed"] = partial(train_normed, own, half)
    found = {}
    for name, run in runs.items():
        found[name] = run()
        (Path(folder) / f"{rank} {name}.done").touch()  # the test waits as long as there is progress
    torch.save(found, Path(folder) / f"rank{rank}.pt")
    dist.destroy_process_group()


ACCUMULATING = [method for method in METHODS if method != "mtl_io"]

if __name__ == "__main__":
    torch.set_num_threads(1)
    main(int(sys.argv[1]), sys.argv[2])
