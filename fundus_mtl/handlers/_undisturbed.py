"""Run a network on the side of its training, and leave no trace."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


@contextmanager
def undisturbed(network: nn.Module, device: torch.device) -> Iterator[None]:
    """Put everything back that a forward in training mode moves, also after an error.

    These are the random states of Python, NumPy and torch (CPU and the device), all buffers (batch norm's averages and
    counts among them) and every module's training flag. Whoever differentiates inside must not write to ``.grad``;
    attributes that are no buffers, such as a counter that a ``forward`` keeps, are not known here.

    Args:
        network: whose buffers and flags to keep.
        device: whose random state to keep, beside the CPU's.
    """
    modes = [(module, module.training) for module in network.modules()]
    buffers = [
        (module, name, buffer, buffer.detach().clone())
        for module in network.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002  # others draw from it, not this function
    kind = "cuda" if device.type == "cpu" else device.type  # torch wants a name even for no device
    try:
        with torch.random.fork_rng([] if device.type == "cpu" else [device], device_type=kind), torch.enable_grad():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002
        for module, training in modes:
            module.training = training
        for module, name, buffer, value in buffers:
            buffer.detach().copy_(value)
            setattr(module, name, buffer)  # a forward may have put another tensor in its place
