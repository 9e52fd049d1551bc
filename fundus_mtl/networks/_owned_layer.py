"""A layer whose output channels are owned by the tasks.

Source: MT-COOL (Wu et al., Multi-Task Cooperative Learning via Searching for Flat Minima), Fig. 1b and "Network
Configuration": the parameters of each encoder layer are evenly allocated to the tasks, and the learned features are
concatenated as the input of the next layer.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class OwnedLayer(nn.Module):
    """Run the share of every owner on the whole input and concatenate the outputs over the channels.

    The layer computes the same function as one layer whose weights are the shares' weights concatenated over the output
    channels, with the same number of parameters. The shares are separate modules, so that no gradient is computed for
    the weights of other tasks.

    Args:
        layer: Function that builds a share for a number of output channels: a layer on all input channels, optionally
            followed by a layer that treats channels separately (batch norm).
        channels: Number of output channels of the whole layer.
        owners: Number of shares; 1 gives the plain layer.

    Raises:
        ValueError: if there are fewer channels than owners.
    """

    def __init__(self, layer: Callable[[int], nn.Module], channels: int, owners: int) -> None:
        super().__init__()
        self.shares = nn.ModuleList(layer(share) for share in equal_shares(channels, owners))

    def forward(self, features: Tensor) -> Tensor:
        """Return ``(B, channels, ...)`` from ``(B, channels before, ...)``."""
        outputs = [share(features) for share in self.shares]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1)


def equal_shares(channels: int, owners: int) -> list[int]:
    """Divide channels into shares that differ by at most one, the larger first: 64 for 3 owners are 22, 21 and 21.

    Raises:
        ValueError: if there are fewer channels than owners.
    """
    if channels < owners:
        raise ValueError(
            f"Shares of a layer: expected a channel for each of {owners} tasks, but got {channels}; use a wider network."
        )
    smaller, larger = divmod(channels, owners)
    return [smaller + (owner < larger) for owner in range(owners)]
