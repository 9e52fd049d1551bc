"""Every method trains every architecture: one step on three tasks of different kinds."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fundus_mtl.engines import CooperativeTrainer
from fundus_mtl.optim import OptimizerGroup
from fundus_mtl.tasks import Task
from tests.engines.methods import METHODS, SGD, make
from tests.engines.toy import PlainLoss, build, weights
from tests.networks.architectures import ARCHITECTURES

BINARY = nn.BCEWithLogitsLoss()
TASKS = (Task("a", 2, "segmentation", BINARY), Task("b", 1, "classification", BINARY), Task("c", 1, "heatmap", BINARY))
SHAPES = {"a": (2, 8, 12), "b": (1,), "c": (1, 8, 12)}
TINY = {"width": 4, "depth": 1, "norm": "instance"}
each = pytest.mark.parametrize("architecture", ARCHITECTURES)


def samples(count=4):
    generator = torch.Generator().manual_seed(0)
    return [
        {"image": torch.rand(3, 8, 12, generator=generator)}
        | {name: torch.rand(shape, generator=generator).round() for name, shape in SHAPES.items()}
        | {f"{name}_present": torch.tensor(True) for name in SHAPES}
        for _ in range(count)
    ]


def parts_that_moved(before, after):
    moved = [name for name, value in before.items() if not torch.equal(value, after[name])]
    return {".".join(name.split(".")[: 2 if name.startswith("heads") else 1]) for name in moved}


def check(trainer):
    before = weights(trainer.network)
    trainer.run()
    after = weights(trainer.network)
    assert all(value.isfinite().all() for value in after.values())
    modules = {
        name for name, module in trainer.network.named_children() if name != "heads" and len(list(module.parameters()))
    }
    assert parts_that_moved(before, after) == modules | {f"heads.{name}" for name in SHAPES}


@each
@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_every_architecture(method, architecture):
    torch.manual_seed(0)
    network = ARCHITECTURES[architecture][0](TASKS, **TINY)
    options = {"items": samples(), "batch_size": 4, "epochs": 1, "loss_function": PlainLoss(TASKS), "tasks": TASKS}
    check(make(method, network, **options))


@each
def test_mt_cool_trains_every_architecture(architecture):
    """One iteration of warm-up and one of turns."""
    torch.manual_seed(0)
    network = ARCHITECTURES[architecture][1](TASKS, **TINY)
    check(
        build(
            CooperativeTrainer,
            lambda n: OptimizerGroup.per_share(TASKS, n, SGD),
            network=network,
            items=samples(),
            batch_size=4,
            epochs=2,
            loss_function=PlainLoss(TASKS),
            tasks=TASKS,
            warmup_iterations=1,
        )
    )
