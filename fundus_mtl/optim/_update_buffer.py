"""Buffer that collects the steps of several tasks before they are applied to the parameters."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from torch import Tensor


class UpdateBuffer:
    """Sum of the tasks' steps per reached parameter, and the number of tasks that reached it."""

    def __init__(self) -> None:
        self.tasks: set[Hashable] = set()
        self._updates: dict[Tensor, Tensor] = {}
        self._reached: dict[Tensor, int] = {}

    def __bool__(self) -> bool:
        return bool(self._updates)

    def add(self, parameters: list[Tensor], means: list[Tensor], denominators: list[Tensor], step: float) -> None:
        """Add ``-step * means / denominators`` of one task; each tensor has the shape of its parameter."""
        for parameter in parameters:
            if parameter not in self._updates:
                self._updates[parameter] = torch.zeros_like(parameter)
            self._reached[parameter] = self._reached.get(parameter, 0) + 1
        updates = [self._updates[parameter] for parameter in parameters]
        torch._foreach_addcdiv_(updates, means, denominators, -step)

    def apply(self, group: Mapping[str, Any]) -> None:
        """Apply weight decay to the reached parameters of a group, then their updates, in the order of torch's AdamW."""
        parameters = [parameter for parameter in group["params"] if parameter in self._updates]
        if not parameters:
            return
        updates = [self._updates[parameter] for parameter in parameters]
        if group["weight_decay"] != 0:
            torch._foreach_mul_(parameters, 1 - float(group["lr"]) * group["weight_decay"])
        if group["reduction"] == "mean":
            torch._foreach_div_(updates, [float(self._reached[parameter]) for parameter in parameters])
        torch._foreach_add_(parameters, updates)
