"""Every method trains every architecture: one step on three tasks of different kinds."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from fundus_mtl.engines import CooperativeTrainer
from fundus_mtl.networks import ResNetUNet, SplitResNetUNet
from fundus_mtl.optim import OptimizerGroup
from fundus_mtl.tasks import Task
from tests.engines.methods import METHODS, SGD, make
from tests.engines.toy import PlainLoss, build, weights
from tests.networks.architectures import ARCHITECTURES

BINARY = nn.BCEWithLogitsLoss()
TASKS = (Task("a", 2, "segmentation", BINARY), Task("b", 1, "classification", BINARY), Task("c", 1, "heatmap", BINARY))
CLASSES = ARCHITECTURES | {"resnet": (ResNetUNet, SplitResNetUNet)}
SIZES = {name: {"depth": 1} for name in ARCHITECTURES} | {"resnet": {"encoder": "resnet18"}}
IMAGES = dict.fromkeys(ARCHITECTURES, (8, 12)) | {"resnet": (48, 64)}
each = pytest.mark.parametrize("architecture", CLASSES)


def samples(size):
    generator = torch.Generator().manual_seed(0)
    shapes = {t.name: (t.channels, *size) if t.dense else (t.channels,) for t in TASKS}
    return [
        {"image": torch.rand(3, *size, generator=generator)}
        | {name: torch.rand(shape, generator=generator).round() for name, shape in shapes.items()}
        | {f"{name}_present": torch.tensor(True) for name in shapes}
        for _ in range(4)
    ]


def made(architecture, index):
    torch.manual_seed(0)
    return CLASSES[architecture][index](TASKS, width=4, norm="instance", **SIZES[architecture])


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
    assert parts_that_moved(before, after) == modules | {f"heads.{task.name}" for task in TASKS}


@each
@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_every_architecture(method, architecture):
    network = made(architecture, 0)
    options = {
        "items": samples(IMAGES[architecture]),
        "batch_size": 4,
        "epochs": 1,
        "loss_function": PlainLoss(TASKS),
        "tasks": TASKS,
    }
    check(make(method, network, **options))


@each
def test_mt_cool_trains_every_architecture(architecture):
    """One iteration of warm-up and one of turns."""
    network = made(architecture, 1)
    check(
        build(
            CooperativeTrainer,
            lambda n: OptimizerGroup.per_share(TASKS, n, SGD),
            network=network,
            items=samples(IMAGES[architecture]),
            batch_size=4,
            epochs=2,
            loss_function=PlainLoss(TASKS),
            tasks=TASKS,
            warmup_iterations=1,
        )
    )
