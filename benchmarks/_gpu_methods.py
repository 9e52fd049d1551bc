"""The methods that `gpu_check.py` trains, and the photographs that it draws for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from fundus_mtl.aggregation import MAMG, MGDA, CAGrad, GradDrop, PCGrad
from fundus_mtl.engines import (
    CooperativeTrainer,
    IndependentTrainer,
    JointTrainer,
    MultiAdaptiveTrainer,
    PrepareMultiTaskBatch,
    SurgeryTrainer,
)
from fundus_mtl.losses import HeatmapBCELoss, MultiTaskLoss
from fundus_mtl.networks import SplitUNet, VGGUNet
from fundus_mtl.optim import MAO, OptimizerGroup
from fundus_mtl.tasks import Task
from fundus_mtl.weighting import DWA, FAMO, GradNorm, RandomWeights, Uncertainty

Batch = dict[str, Tensor]
ADAM = partial(torch.optim.Adam, lr=1e-3)
TASKS = (
    Task("disc", 1, "segmentation", nn.BCEWithLogitsLoss()),
    Task("cup", 1, "segmentation", nn.BCEWithLogitsLoss()),
    Task("fovea", 1, "heatmap", HeatmapBCELoss()),
    Task("glaucoma", 1, "classification", nn.BCEWithLogitsLoss()),
)


@dataclass(frozen=True)
class Method:
    """How to build a method, and the passes that one step of it cannot avoid.

    Args:
        trainer: Class of the trainer.
        options: Function from the parameters to further arguments of the trainer, such as the aggregator.
        optimizer: Function from the network to the optimizer.
        passes: ``joint`` (one backward pass), ``surgery`` (one per task) or ``turns`` (forward, backward and step per task).
        split: Whether the network has a share of each layer per task.
    """

    trainer: type
    options: Callable[[], dict[str, Any]] = dict
    optimizer: Callable[[nn.Module], Any] = lambda network: ADAM(network.parameters())
    passes: str = "joint"
    split: bool = False


def with_rule(rule: Callable[[], Any]) -> Method:
    """Return gradient surgery with a rule."""
    return Method(SurgeryTrainer, lambda: {"aggregator": rule()}, passes="surgery")


METHODS = {
    "joint": Method(JointTrainer),
    "dwa": Method(JointTrainer, lambda: {"weighting": DWA()}),
    "famo": Method(JointTrainer, lambda: {"weighting": FAMO()}),
    "gradnorm": Method(JointTrainer, lambda: {"weighting": GradNorm()}),
    "rlw": Method(JointTrainer, lambda: {"weighting": RandomWeights()}),
    "uncertainty": Method(JointTrainer, lambda: {"weighting": Uncertainty(TASKS)}),
    "pcgrad": with_rule(PCGrad),
    "mgda": with_rule(MGDA),
    "cagrad": with_rule(CAGrad),
    "mamg": with_rule(MAMG),
    "graddrop": with_rule(GradDrop),
    "mao": Method(MultiAdaptiveTrainer, optimizer=lambda n: MAO(n.parameters(), lr=1e-3), passes="surgery"),
    "mtl_io": Method(
        IndependentTrainer, optimizer=lambda n: OptimizerGroup.per_task(TASKS, n.parameters(), ADAM), passes="turns"
    ),
    "mt_cool": Method(
        CooperativeTrainer,
        lambda: {"tasks": TASKS, "samples": 1, "kl_weight": 0.0},
        optimizer=lambda n: OptimizerGroup.per_share(TASKS, n, ADAM),
        passes="turns",
        split=True,
    ),
}


def draw(count: int, size: int, batch: int) -> list[Batch]:
    """Return batches of bright discs with a brighter cup on a dark ground, and a fovea as a Gaussian spot."""
    generator = torch.Generator().manual_seed(0)
    grid = torch.stack(torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")).float()
    batches = []
    for _ in range(count):
        centres = size * (0.3 + 0.4 * torch.rand(batch, 2, 2, generator=generator))
        distances = (grid[None, None] - centres[..., None, None]).norm(dim=2)
        shares = 0.3 + 0.4 * torch.rand(batch, generator=generator)
        disc = (distances[:, 0] < size / 8).float()
        cup = (distances[:, 0] < size / 8 * shares[:, None, None]).float()
        fovea = torch.exp(-0.5 * (distances[:, 1] / (0.03 * size)) ** 2)
        image = 0.3 + 0.3 * disc + 0.3 * cup - 0.2 * fovea
        noise = 0.05 * torch.randn(batch, 3, size, size, generator=generator)
        present = {f"{task.name}_present": torch.ones(batch, dtype=torch.bool) for task in TASKS}
        batches.append(
            {
                "image": image[:, None] + noise,
                "disc": disc[:, None],
                "cup": cup[:, None],
                "fovea": fovea[:, None],
                "glaucoma": (shares > 0.5).float()[:, None],
                **present,
            }
        )
    return batches


def network_of(method: Method, width: int) -> nn.Module:
    """Return a network with the weights of seed 0, without dropout."""
    torch.manual_seed(0)
    if method.split:
        return SplitUNet(TASKS, width=max(4, width // 4), depth=4, norm="running")
    return VGGUNet(TASKS, width=width, dropout=0.0)


def build(method: Method, device: torch.device, precision: str, batches: Sequence[Batch], width: int) -> Any:
    """Return the trainer of a method."""
    network = network_of(method, width).to(device, memory_format=torch.channels_last)
    options = method.options()
    parameters: Any = network
    if isinstance(weighting := options.get("weighting"), nn.Module):
        parameters = nn.ModuleList([network, weighting.to(device)])
    return method.trainer(
        device=device,
        max_epochs=1,
        train_data_loader=list(batches),
        network=network,
        optimizer=method.optimizer(parameters),
        loss_function=MultiTaskLoss(TASKS),
        prepare_batch=PrepareMultiTaskBatch(TASKS),
        amp=precision,
        non_blocking=True,
        decollate=False,
        **options,
    )
