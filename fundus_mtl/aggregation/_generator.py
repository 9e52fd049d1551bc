"""Randomness of a rule's own: seeded, apart from torch's global generators, known to the rule's state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


class OwnGenerator:
    """A ``torch.Generator`` that is made when it is first needed, on the device where it is needed.

    Two processes that make the same calls draw the same numbers, so data-parallel ranks agree without talking.

    Args:
        seed: any integer that ``torch.Generator.manual_seed`` takes.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._generator: torch.Generator | None = None
        self._pending: Mapping[str, Any] | None = None

    def on(self, device: torch.device) -> torch.Generator:
        """Return the generator, made on its first use.

        Raises:
            ValueError: if it, or the state to continue from, belongs to another kind of device.
        """
        if self._generator is None:
            generator = torch.Generator(device)
            if self._pending is None:
                generator.manual_seed(self.seed)
            else:
                self._refuse_other(device, self._pending["device"])
                generator.set_state(self._pending["generator"].cpu())
            self._generator, self._pending = generator, None
        self._refuse_other(device, self._generator.device.type)
        return self._generator

    @staticmethod
    def _refuse_other(device: torch.device, kind: str) -> None:
        if device.type != kind:
            raise ValueError(
                f"OwnGenerator: expected gradients on {kind!r}, where the random numbers have been drawn so far, but got "
                f"them on {device.type!r}; go on with the kind of device that the training began on."
            )

    def state_dict(self) -> dict[str, Any]:
        """Return ``{"device": kind, "generator": its state}``, both ``None`` before the first draw."""
        if self._generator is None:
            return dict(self._pending or {"device": None, "generator": None})
        return {"device": self._generator.device.type, "generator": self._generator.get_state()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Continue from a state of ``state_dict``; the generator itself is made at the next draw."""
        self._generator = None
        self._pending = None if state_dict["device"] is None else dict(state_dict)


@contextmanager
def forked_randomness(device: torch.device, seed: int, call: int) -> Iterator[None]:
    """Seed torch's generators of the CPU and of ``device`` for a while, then put them back."""
    # torch's CPU generator looks at 32 bits of a seed only: both numbers have to be mixed into them.
    mixed = int(np.random.SeedSequence([seed % 2**64, call]).generate_state(1)[0])
    on_accelerator = device.type != "cpu"
    with torch.random.fork_rng([device] if on_accelerator else [], device_type=device.type if on_accelerator else None):
        torch.default_generator.manual_seed(mixed)
        if on_accelerator:
            torch.get_device_module(device.type).manual_seed(mixed)
        yield
