"""A sampler that puts equal numbers of each group into every batch."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Sampler


class BalancedSampler(Sampler[int]):
    """Shuffle each group, then take one sample of each group in turn until the smallest group is exhausted.

    If the batch size is a multiple of the number of groups, every batch contains equal numbers of each. Surplus samples
    of larger groups are not used in this epoch; each epoch draws a new order.

    Args:
        groups: Group number of each sample, ``(N,)``, for example ``TensorSamples.groups()``.

    Raises:
        ValueError: if ``groups`` is empty.
    """

    def __init__(self, groups: Tensor) -> None:
        if not len(groups):
            raise ValueError("groups: expected at least one sample, but got none.")
        self.members = [(groups == group).nonzero()[:, 0] for group in groups.unique()]
        self.generator: torch.Generator | None = None  # set by the trainer at the start of every epoch

    def __len__(self) -> int:
        return len(self.members) * min(len(rows) for rows in self.members)

    def __iter__(self) -> Iterator[int]:
        least = min(len(rows) for rows in self.members)
        drawn = [rows[torch.randperm(len(rows), generator=self.generator)[:least]] for rows in self.members]
        yield from torch.stack(drawn, dim=1).flatten().tolist()
