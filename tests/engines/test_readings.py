"""How often a step reads numbers of the device between the forward pass and the end of the optimizer's step.

Each reading waits until a GPU has finished all queued work. There is no GPU here: everything that is computed from
weights, images or labels counts as being on one, and calls that would bring its numbers to the processor are counted.
"""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.engines.methods import METHODS, make
from tests.engines.toy import Branches, samples

READERS = ["item", "tolist", "cpu", "numpy", "nonzero", "__bool__", "__float__", "__int__"]


class OnDevice(TorchDispatchMode):
    """Follow the storages of everything that is computed from some tensors."""

    def __init__(self, tensors):
        super().__init__()
        self.kept = []
        self.storages = set()
        self.mark(tensors)

    def mark(self, tensors):
        for tensor in tensors:
            self.kept.append(tensor.detach())  # so that no other tensor gets the same memory
            self.storages.add(tensor.untyped_storage().data_ptr())

    def holds(self, tensor):
        return tensor.untyped_storage().data_ptr() in self.storages

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        found = func(*args, **(kwargs or {}))
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        if any(self.holds(tensor) for tensor in given):
            self.mark(leaf for leaf in tree_leaves(found) if isinstance(leaf, torch.Tensor) and leaf.numel())
        return found


@contextmanager
def counted(mode, monkeypatch):
    """Count readings of tensors that count as being on the device; what has been read is on the processor."""
    calls = []
    depth = [0]

    def wrap(name):
        original = getattr(torch.Tensor, name)

        def reading(self, *args, **kwargs):
            outermost = depth[0] == 0 and mode.holds(self)
            if outermost:
                calls.append(name)
            depth[0] += 1
            try:
                found = original(self, *args, **kwargs)
                if outermost and name == "cpu":
                    with torch.utils._python_dispatch._disable_current_modes():
                        found = self.detach().clone()
                return found
            finally:
                depth[0] -= 1

        monkeypatch.setattr(torch.Tensor, name, reading)

    for name in READERS:
        wrap(name)
    with mode:
        yield calls
    monkeypatch.undo()


def readings(trainer, monkeypatch):
    """Return the readings in the second step, after optimizers and rules have made their state."""
    batches = [torch.utils.data.default_collate(samples(6)) for _ in range(2)]
    trainer.state.epoch_length, trainer.state.iteration, trainer.state.epoch = 100, 1, 1
    trainer._iteration(trainer, batches[0])
    trainer.state.iteration = 2
    image, targets = trainer.prepare_batch(batches[1], trainer.state.device)
    trainer.prepare_batch = lambda *args, **kwargs: (image, targets)
    mode = OnDevice([*trainer.network.parameters(), *trainer.network.buffers(), image, *targets.labels.values()])
    with counted(mode, monkeypatch) as calls:
        trainer._iteration(trainer, batches[1])
    return calls


# The flags of the losses, or the Gram matrix, or the flags of the gradients: one reading per update of the weights.
EXPECTED = {"mtl_io": 3}


@pytest.mark.parametrize("method", [method for method in METHODS if "TorchJD" not in method])
def test_a_step_reads_the_device_once_per_update(method, monkeypatch):
    trainer = make(method, Branches(), lambda p: torch.optim.Adam(p, lr=1e-2), decollate=False)
    assert len(readings(trainer, monkeypatch)) <= EXPECTED.get(method, 1)


def test_a_reading_is_counted(monkeypatch):
    """Each of these, in a loss function, waits for the device."""
    for read in (
        lambda loss: loss.item(),
        lambda loss: bool(loss > 0),
        lambda loss: loss.detach().cpu(),
        lambda loss: float(loss.detach().square()),
        lambda loss: (loss.detach() > 0).nonzero(),
        lambda loss: loss.detach()[None].tolist(),
    ):
        trainer = make("joint-Sum", Branches(), lambda p: torch.optim.Adam(p, lr=1e-2), decollate=False)
        plain = trainer.loss_function

        def reading(logits, labels, presence, plain=plain, read=read):
            losses = plain(logits, labels, presence)
            read(losses["a"])
            return losses

        before = len(
            readings(
                make("joint-Sum", Branches(), lambda p: torch.optim.Adam(p, lr=1e-2), decollate=False), monkeypatch
            )
        )
        trainer.loss_function = reading
        assert len(readings(trainer, monkeypatch)) == before + 1


def test_the_readings_of_a_gram_matrix_are_seen(monkeypatch):
    trainer = make("surgery-PCGrad", Branches(), lambda p: torch.optim.Adam(p, lr=1e-2), decollate=False)
    assert readings(trainer, monkeypatch) == ["cpu"]
