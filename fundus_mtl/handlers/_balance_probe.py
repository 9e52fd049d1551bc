"""One measurement of the tasks' gradients and contributions, before and after a step, without changing the training."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isnan
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from fundus_mtl.autograd import Gradients, task_gradients
from fundus_mtl.handlers._balance_measure import Balance, directions, layer_names, magnitudes

Rate = Callable[[Any, str, Tensor], Tensor | float | None]


class Pull(NamedTuple):
    """The gradients of the labelled tasks at the weights before a step, and all tasks of the network."""

    tasks: tuple[str, ...]
    gradients: dict[str, Gradients]


def take_pull(engine: Any, batch: Any) -> Pull:
    """Return the gradient of each task's loss on a batch at the current weights; the training is not changed.

    Args:
        engine: trainer, whose network, inferer, loss function, precision and seed of dropout are used.
        batch: batch as the trainer's data loader returns it.
    """
    image, targets = engine.prepare_batch(batch, engine.state.device, engine.non_blocking, **engine.to_kwargs)
    with undisturbed(engine.network, engine.state.device):
        engine.seed_iteration()  # the same dropout as in the step
        engine.network.train()
        with torch.autocast(engine.state.device.type, enabled=engine.amp, **engine.amp_kwargs):
            logits = engine.inferer(image, engine.network, tasks=None)
        # Scaled as in the step, because half precision would lose small gradients.
        scale = engine.scaler.get_scale()
        losses = {name: loss * scale for name, loss in engine.loss_function(logits, *targets).items()}
        gradients = {
            task: [None if entry is None else entry / scale for entry in entries]
            for task, entries in task_gradients(losses, list(_trainable(engine).values()))
        }
    return Pull(tuple(logits), gradients)


def weigh_pull(engine: Any, pull: Pull, rate: Rate) -> Balance:
    """Measure the gradients, and their contributions to the update with the current method and optimizer.

    Args:
        engine: trainer, whose ``contributions`` and optimizer are used.
        pull: result of `take_pull`; must not be used again, because rules may combine gradients in place.
        rate: function from optimizer, task and parameter to the effective learning rate; None or NaN if unknown.
    """
    parameters = _trainable(engine)
    layer_of = layer_names(list(parameters))
    norms, cosines, layer_cosines = directions(pull.tasks, layer_of, pull.gradients)
    means, layer_means = magnitudes(pull.tasks, layer_of, pull.gradients)
    with undisturbed(engine.network, engine.state.device):  # a rule may use random numbers
        contributions = _contributions(engine, pull.gradients)
    moves = {
        task: _moves(entries, list(parameters.values()), engine.optimizer_at_work, task, rate)
        for task, entries in contributions.items()
    }
    steps, layer_steps = magnitudes(pull.tasks, layer_of, moves)
    return Balance(
        tasks=pull.tasks,
        labelled=frozenset(pull.gradients),
        layers=tuple(dict.fromkeys(layer_of)),
        norms=norms,
        gradients=means,
        contributions=steps,
        layer_gradients=layer_means,
        layer_contributions=layer_steps,
        cosines=cosines,
        layer_cosines=layer_cosines,
    )


def _trainable(engine: Any) -> dict[str, Tensor]:
    return {name: parameter for name, parameter in engine.network.named_parameters() if parameter.requires_grad}


def _contributions(engine: Any, gradients: dict[str, Gradients]) -> dict[str, Gradients]:
    """Return the part of the gradients that enters the update; empty if the trainer skips the step."""
    finite = all(bool(g.isfinite().all()) for entries in gradients.values() for g in entries if g is not None)
    return engine.contributions(gradients) if finite and gradients else {}


def _moves(
    entries: Gradients, parameters: Sequence[Tensor], optimizer: Any, task: str, rate: Rate
) -> Iterator[Tensor | None]:
    """Yield the change of each parameter due to a task; None if unknown."""
    for parameter, entry in zip(parameters, entries, strict=True):
        by = None if entry is None else rate(optimizer, task, parameter)
        if entry is None or by is None or (isinstance(by, float) and isnan(by)):
            yield None
        else:
            yield entry * by


@contextmanager
def undisturbed(network: nn.Module, device: torch.device) -> Iterator[None]:
    """Restore everything that a forward pass in training mode changes, also after an error.

    Restored are the random states of Python, NumPy and torch (CPU and the device), all buffers (such as the averages of
    batch norm) and the training flag of every module. Not restored are ``.grad``, which the ``with`` block must not write,
    and attributes that are not buffers, such as a counter in a ``forward``.

    Args:
        network: network whose buffers and flags are restored.
        device: device whose random state is restored, in addition to the CPU's.
    """
    modes = [(module, module.training) for module in network.modules()]
    buffers = [
        (module, name, buffer, buffer.detach().clone())
        for module in network.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    python, legacy = random.getstate(), np.random.get_state()  # noqa: NPY002  # restores the state for other code
    kind = "cuda" if device.type == "cpu" else device.type  # torch requires a name even without a device
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
            setattr(module, name, buffer)  # a forward pass may have replaced the tensor
