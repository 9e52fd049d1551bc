"""One measurement of a trainer's balance, on the side of its training: before a step, and after it."""

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
    """Each labelled task's gradients at the weights before a step, and all tasks of the network."""

    tasks: tuple[str, ...]
    gradients: dict[str, Gradients]


def take_pull(engine: Any, batch: Any) -> Pull:
    """Differentiate each task's loss on a batch at the trainer's present weights; nothing of the training moves.

    Args:
        engine: a trainer of ours: its network, inferer, loss function, precision and dropout's seed are used.
        batch: collated, as the trainer's loader gives it.
    """
    image, targets = engine.prepare_batch(batch, engine.state.device, engine.non_blocking, **engine.to_kwargs)
    with undisturbed(engine.network, engine.state.device):
        engine.seed_iteration()  # the step's own dropout
        engine.network.train()
        with torch.autocast(engine.state.device.type, enabled=engine.amp, **engine.amp_kwargs):
            logits = engine.inferer(image, engine.network, tasks=None)
        # Scaled as in the step itself: half precision would lose small gradients.
        scale = engine.scaler.get_scale()
        losses = {name: loss * scale for name, loss in engine.loss_function(logits, *targets).items()}
        gradients = {
            task: [None if entry is None else entry / scale for entry in entries]
            for task, entries in task_gradients(losses, list(_trainable(engine).values()))
        }
    return Pull(tuple(logits), gradients)


def weigh_pull(engine: Any, pull: Pull, rate: Rate) -> Balance:
    """Measure gradients and what the method and the optimizer, as they are at present, make of them.

    Args:
        engine: a trainer of ours: its ``contributions`` and its optimizer are asked.
        pull: of `take_pull`; used up, for rules may combine gradients in place.
        rate: from optimizer, task and parameter to the effective learning rate; None or NaN where it is not known.
    """
    parameters = _trainable(engine)
    layer_of = layer_names(list(parameters))
    norms, cosines, layer_cosines = directions(pull.tasks, layer_of, pull.gradients)
    means, layer_means = magnitudes(pull.tasks, layer_of, pull.gradients)
    with undisturbed(engine.network, engine.state.device):  # a rule may draw at random
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
    """Return what the method lets into the update; nothing for gradients whose step a trainer skips."""
    finite = all(bool(g.isfinite().all()) for entries in gradients.values() for g in entries if g is not None)
    return engine.contributions(gradients) if finite and gradients else {}


def _moves(
    entries: Gradients, parameters: Sequence[Tensor], optimizer: Any, task: str, rate: Rate
) -> Iterator[Tensor | None]:
    """Yield by what a task moves each parameter, None where that is not known."""
    for parameter, entry in zip(parameters, entries, strict=True):
        by = None if entry is None else rate(optimizer, task, parameter)
        if entry is None or by is None or (isinstance(by, float) and isnan(by)):
            yield None
        else:
            yield entry * by


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
