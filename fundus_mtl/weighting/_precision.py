"""Floating-point precision of the sums and histories of weightings."""

from __future__ import annotations

import torch


def widest(device: torch.device) -> torch.dtype:
    """Return the widest floating-point type of a device: float32 on MPS, otherwise float64."""
    return torch.float32 if device.type == "mps" else torch.float64
