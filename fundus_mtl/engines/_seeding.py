"""Seeds of epochs and iterations, from which everything random in training is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.data.utils import set_rnd


def derived(*numbers: int) -> int:
    """Mix numbers into one seed; neighbours share nothing, as they would with a sum.

    A last number of 0 changes nothing: rank 0 is seeded as if it were alone.
    """
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def seed_torch(seed: int, device: torch.device) -> None:
    """Seed the CPU's generator and the device's: ``torch.manual_seed`` visits all backends, for milliseconds per step."""
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        torch.get_device_module(device.type).manual_seed(seed)


def seed_data(loader: Any, seed: int) -> None:
    """Seed the order and the augmentation of an epoch.

    Args:
        loader: a data loader; its workers are seeded by itself from its generator.
        seed: of the epoch.
    """
    torch.manual_seed(seed)
    for drawer in (loader, getattr(loader, "sampler", None)):
        if drawer is not None and hasattr(drawer, "generator"):
            drawer.generator = torch.Generator().manual_seed(seed)
    set_rnd(getattr(loader, "dataset", None), seed % 2**32)  # in this process
