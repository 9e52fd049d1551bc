"""The precision in which weightings keep their sums and histories."""

from __future__ import annotations

import torch


def widest(device: torch.device) -> torch.dtype:
    """Return the widest floating-point type of a device: float64, but float32 on MPS, which has none wider."""
    return torch.float32 if device.type == "mps" else torch.float64
