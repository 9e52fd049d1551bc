"""A network whose answers are one tensor, for programs that know no other kind."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from fundus_mtl.networks._task_network import TaskNetwork


class OneTensorNetwork(nn.Module):
    """Return the activated predictions of all tasks in one tensor: ``forward(image) -> (B, channels, H, W)``.

    Channel 0 is the background, 1 minus the largest of the dense channels. The channels of the dense tasks follow in the
    order of the tasks, then those of the image-level tasks, each with its one value in every pixel. If no task is dense,
    there is no background, and the answer is ``(B, channels)``.

    Names and values in the ``state_dict`` are those of the wrapped network, so both load the same files.
    ``torch.jit.script`` gives a traced network, as the wrapped networks return dictionaries by name.

    Args:
        network: Network with ``forward(image) -> {task: logits}`` and ``tasks``.
        input_shape: Channels, height and width of an image, ``(C, H, W)``; the trace is made with one of this shape and
            takes every size that the network takes.

    Raises:
        ValueError: If the shape is not three positive numbers.
    """

    def __init__(self, network: TaskNetwork, input_shape: Sequence[int]) -> None:
        super().__init__()
        if len(input_shape) != 3 or min(input_shape) < 1:
            raise ValueError(f"input_shape: expected three positive numbers, (C, H, W), but got {tuple(input_shape)}.")
        self.network, self.input_shape = network, tuple(input_shape)

    def forward(self, image: Tensor) -> Tensor:
        """Return the predictions of a batch of images ``(B, C, H, W)``."""
        logits = self.network(image)
        found = {task.name: task.activate(logits[task.name]) for task in self.network.tasks}
        dense = [found[task.name] for task in self.network.tasks if task.dense]
        whole = [found[task.name] for task in self.network.tasks if not task.dense]
        if not dense:
            return torch.cat(whole, dim=1)
        maps = torch.cat(dense, dim=1)
        background = 1.0 - maps.amax(dim=1, keepdim=True)
        planes = [values[:, :, None, None] * torch.ones_like(background) for values in whole]
        return torch.cat([background, maps, *planes], dim=1)

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        """Return that of the wrapped network."""
        return self.network.state_dict(*args, **kwargs)

    def load_state_dict(self, state_dict: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Load that of the wrapped network."""
        return self.network.load_state_dict(state_dict, *args, **kwargs)

    def __prepare_scriptable__(self) -> nn.Module:
        """Return what ``torch.jit.script`` compiles instead."""
        return _Traced(self)


class _Traced(nn.Module):
    """Call a trace; ``torch.jit.script`` compiles this much."""

    def __init__(self, network: OneTensorNetwork) -> None:
        super().__init__()
        example = torch.zeros(1, *network.input_shape, device=next(network.parameters()).device)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of checks of sizes, which are constants then
            self.trace = torch.jit.trace(network.eval(), example, check_trace=False)

    def forward(self, image: Tensor) -> Tensor:
        found: Tensor = self.trace(image)
        return found
