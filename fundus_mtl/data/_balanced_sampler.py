"""An order of samples in which every batch has as many of one group as of another."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Sampler


class BalancedSampler(Sampler[int]):
    """Shuffle each group, then take one sample of each in turn, until the smallest group is used up.

    A batch whose size is a multiple of the number of groups holds equal numbers of each. What the larger groups have too
    many of waits for another epoch, whose order is new.

    Args:
        groups: a number per sample, ``(N,)``, for instance ``TensorSamples.groups()``.

    Raises:
        ValueError: if there is no sample.
    """

    def __init__(self, groups: Tensor) -> None:
        if not len(groups):
            raise ValueError("groups: expected at least one sample, but got none.")
        self.members = [(groups == group).nonzero()[:, 0] for group in groups.unique()]
        self.generator: torch.Generator | None = None  # set by the trainer at every epoch's start

    def __len__(self) -> int:
        return len(self.members) * min(len(rows) for rows in self.members)

    def __iter__(self) -> Iterator[int]:
        least = min(len(rows) for rows in self.members)
        drawn = [rows[torch.randperm(len(rows), generator=self.generator)[:least]] for rows in self.members]
        yield from torch.stack(drawn, dim=1).flatten().tolist()
