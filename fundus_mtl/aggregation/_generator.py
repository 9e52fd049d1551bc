"""Random numbers of a rule: seeded, separate from torch's global generators, part of the rule's state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


class OwnGenerator:
    """A ``torch.Generator`` that is created on first use, on the device that needs it.

    Two processes that make the same calls draw the same numbers, so data-parallel ranks agree without communication.

    Args:
        seed: Any integer that ``torch.Generator.manual_seed`` accepts.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._generator: torch.Generator | None = None
        self._pending: Mapping[str, Any] | None = None

    def on(self, device: torch.device) -> torch.Generator:
        """Return the generator; the first call creates it.

        Raises:
            ValueError: if the generator, or the state to resume from, belongs to another type of device.
        """
        if self._generator is None:
            generator = torch.Generator(device)
            if self._pending is None:
                generator.manual_seed(self.seed)
            else:
                self._check_device(device, self._pending["device"])
                generator.set_state(self._pending["generator"].cpu())
            self._generator, self._pending = generator, None
        self._check_device(device, self._generator.device.type)
        return self._generator

    @staticmethod
    def _check_device(device: torch.device, kind: str) -> None:
        if device.type != kind:
            raise ValueError(
                f"OwnGenerator: expected gradients on {kind!r}, where the random numbers have been drawn so far, but got "
                f"them on {device.type!r}; resume on the type of device that the training started on."
            )

    def state_dict(self) -> dict[str, Any]:
        """Return ``{"device": device type, "generator": state}``; both are ``None`` before the first draw."""
        if self._generator is None:
            return dict(self._pending or {"device": None, "generator": None})
        return {"device": self._generator.device.type, "generator": self._generator.get_state()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restore a state that ``state_dict`` returned; the next draw creates the generator."""
        self._generator = None
        self._pending = None if state_dict["device"] is None else dict(state_dict)


@contextmanager
def forked_randomness(device: torch.device, seed: int, call: int) -> Iterator[None]:
    """Seed torch's global generators of the CPU and of ``device`` inside the context, and restore them on exit."""
    # torch's CPU generator uses only 32 bits of a seed, so both numbers are mixed into 32 bits.
    mixed = int(np.random.SeedSequence([seed % 2**64, call]).generate_state(1)[0])
    on_accelerator = device.type != "cpu"
    # The default for the CPU alone: torch 2.8 does not accept None.
    kind = {"device_type": device.type} if on_accelerator else {}
    with torch.random.fork_rng([device] if on_accelerator else [], **kind):
        torch.default_generator.manual_seed(mixed)
        if on_accelerator:
            torch.get_device_module(device.type).manual_seed(mixed)
        yield
