"""Load trained weights when an evaluation starts."""

from __future__ import annotations

from pathlib import Path

from ignite.engine import Engine, Events
from torch import nn

from fundus_mtl.networks import load_weights


class WeightsLoader:
    """Load a file of weights into a network when the engine starts.

    Unlike MONAI's ``CheckpointLoader``, it checks every tensor and raises an error of one sentence, see
    `fundus_mtl.networks.load_weights`.

    Args:
        network: Network of the engine.
        path: File of its ``state_dict``.
    """

    def __init__(self, network: nn.Module, path: str | Path) -> None:
        self.network, self.path = network, path

    def attach(self, engine: Engine) -> None:
        """Register with an engine."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Load the weights."""
        load_weights(self.network, self.path)
