"""One pass of a network: activated answers of all tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from fundus_mtl.engines._prepare_batch import network_input
from fundus_mtl.precision import Precision
from fundus_mtl.tasks import Task


def activated(logits: Mapping[str, Tensor], tasks: Sequence[Task]) -> dict[str, Tensor]:
    """Return ``pred_<task>``, the activated logits in float32."""
    return {f"pred_{task.name}": task.activate(logits[task.name].float()) for task in tasks}


def predict(
    network: nn.Module,
    image: Tensor,
    tasks: Sequence[Task],
    inferer: Callable[..., Mapping[str, Tensor]],
    precision: Precision,
) -> dict[str, Tensor]:
    """Run a network once, without gradients, and return ``pred_<task>`` for each task.

    Args:
        network: Network with the multi-task interface, in evaluation mode.
        image: batch ``(B, C, H, W)`` on the network's device.
        tasks: tasks to predict.
        inferer: MONAI inferer.
        precision: precision of the network.
    """
    image = network_input(image)
    with torch.no_grad(), torch.autocast(image.device.type, enabled=precision.mixed, **precision.autocast):
        logits = inferer(image, network, tasks=[task.name for task in tasks])
    return activated(logits, tasks)
