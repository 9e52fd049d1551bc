"""Seeds of epochs and iterations, the source of all random numbers in training."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.data.utils import set_rnd


def derived(*numbers: int) -> int:
    """Mix numbers into one seed; unlike with a sum, neighbouring numbers give unrelated seeds.

    A trailing 0 does not change the seed: rank 0 gets the same seed as a training without ranks.
    """
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


def seed_torch(seed: int, device: torch.device) -> None:
    """Seed the generators of the CPU and the device; ``torch.manual_seed`` seeds all backends, which takes milliseconds."""
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        torch.get_device_module(device.type).manual_seed(seed)


def seed_data(loader: Any, seed: int) -> None:
    """Seed the data order and the augmentation of an epoch.

    Args:
        loader: Data loader. It seeds its workers from its own generator.
        seed: Seed of the epoch.
    """
    torch.manual_seed(seed)
    for drawer in (loader, getattr(loader, "sampler", None)):
        if drawer is not None and hasattr(drawer, "generator"):
            drawer.generator = torch.Generator().manual_seed(seed)
    set_rnd(getattr(loader, "dataset", None), seed % 2**32)  # for loading without workers
