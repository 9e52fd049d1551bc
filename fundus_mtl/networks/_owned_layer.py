"""A layer whose output channels are owned by the tasks.

Source: MT-COOL (Wu et al., Multi-Task Cooperative Learning via Searching for Flat Minima), Fig. 1b and "Network
Configuration": the parameters of each layer of the encoder are evenly allocated to the tasks, and the features learned are
concatenated as the input of the next layer.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class OwnedLayer(nn.Module):
    """Run every owner's share on the whole input and concatenate what they answer over the channels.

    The function is that of one layer whose weights are the shares' weights concatenated over the output channels, with as
    many parameters. The shares are modules of their own, so that a task's gradient costs nothing for another's weights.

    Args:
        layer: builds a share from its number of output channels: a layer on all input channels, followed at most by what
            treats channels one by one (batch norm).
        channels: of the whole output.
        owners: how many share it; one makes it the plain layer.

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
            f"A layer's shares: expected a channel for each of {owners} tasks, but got {channels}; widen it."
        )
    smaller, larger = divmod(channels, owners)
    return [smaller + (owner < larger) for owner in range(owners)]
