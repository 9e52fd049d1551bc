"""A plain loop of the passes that a step of a method cannot avoid: what `gpu_check.py` compares the methods with."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks._gpu_methods import ADAM, TASKS, Batch, Method, network_of
from fundus_mtl.engines import PrepareMultiTaskBatch
from fundus_mtl.losses import MultiTaskLoss
from fundus_mtl.precision import Precision


def wait(device: torch.device) -> None:
    """Wait until a GPU has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class PlainLoop:
    """The passes that a step of a method cannot avoid, without rule, checks or engine."""

    def __init__(self, method: Method, device: torch.device, precision: Precision, width: int) -> None:
        self.method, self.device, self.precision = method, device, precision
        self.network = network_of(method, width).to(device, memory_format=torch.channels_last).train()
        self.parameters = list(self.network.parameters())
        self.optimizers = [ADAM(self.parameters) for _ in (TASKS if method.passes == "turns" else TASKS[:1])]
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision.needs_scaler)
        self.step = {"joint": self.joint, "surgery": self.surgery, "turns": self.turns}[method.passes]

    def seconds(self, batches: Sequence[Batch]) -> float:
        """Time the steps on some batches; the median without the first, s."""
        prepare = PrepareMultiTaskBatch(TASKS)
        found = []
        for batch in batches:
            wait(self.device)
            start = time.perf_counter()
            self.step(*prepare(batch, self.device, True))
            wait(self.device)
            found.append(time.perf_counter() - start)
        return statistics.median(found[1:] or found)

    def losses(self, image: Tensor, targets: Any, names: list[str] | None = None) -> dict[str, Tensor]:
        """Run the network for some tasks."""
        with torch.autocast(self.device.type, enabled=self.precision.mixed, **self.precision.autocast):
            answers = self.network(image, tasks=names)
        return MultiTaskLoss(TASKS)(answers, *targets)

    def joint(self, image: Tensor, targets: Any) -> None:
        """One forward and one backward pass."""
        self.backward(torch.stack(list(self.losses(image, targets).values())).sum(), self.optimizers[0])

    def surgery(self, image: Tensor, targets: Any) -> None:
        """One forward pass and one backward pass per task."""
        values = list(self.losses(image, targets).values())
        for index, value in enumerate(values):
            last = index + 1 == len(values)
            scaled = self.scaler.scale(value)
            found = torch.autograd.grad(scaled, self.parameters, retain_graph=not last, allow_unused=True)
        for parameter, gradient in zip(self.parameters, found, strict=True):
            parameter.grad = torch.zeros_like(parameter) if gradient is None else gradient
        self.update(self.optimizers[0])

    def turns(self, image: Tensor, targets: Any) -> None:
        """Forward pass, backward pass and step per task; MT-COOL ends with a forward pass."""
        for task, optimizer in zip(TASKS, self.optimizers, strict=True):
            self.backward(self.losses(image, targets, [task.name])[task.name], optimizer)
        if self.method.split:
            with torch.no_grad():
                self.losses(image, targets)

    def backward(self, loss: Tensor, optimizer: Any) -> None:
        """Differentiate a loss and step."""
        optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        self.update(optimizer)

    def update(self, optimizer: Any) -> None:
        """Step an optimizer."""
        self.scaler.step(optimizer)
        self.scaler.update()
