"""An order of samples in which every source has a given share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Sampler


class SourceSampler(Sampler[int]):
    """Draw each source with its weight, whatever its number of samples, and spread it evenly over the epoch.

    A source's samples are all drawn once, in random order, before one is drawn again. Because each source is spread evenly,
    the batches of an epoch differ little in what they hold of it.

    Args:
        items: Items of a datalist.
        weights: Share of the epoch of every source, in any unit; 0 leaves a source out.
        samples: Length of an epoch; the number of items by default.
        key: Key of the items whose values are the sources.

    Raises:
        ValueError: if an item has no source, the weights do not name exactly the sources, or one is negative or all are 0.
    """

    def __init__(
        self,
        items: Sequence[Mapping[str, Any]],
        weights: Mapping[str, float],
        samples: int | None = None,
        key: str = "source",
    ) -> None:
        if nameless := [item.get("id") for item in items if key not in item]:
            raise ValueError(
                f"{nameless[0]}: expected a {key}, but got none; merge the datalists with data_prep.merge."
            )
        sources = sorted({str(item[key]) for item in items})
        if sorted(weights) != sources:
            raise ValueError(f"weights: expected a weight for each of {sources}, but got {sorted(weights)}.")
        if not weights or min(weights.values()) < 0 or not sum(weights.values()):
            raise ValueError(
                f"weights: expected positive numbers, or 0 to leave a source out, but got {dict(weights)}."
            )
        self.members = [
            torch.tensor([index for index, item in enumerate(items) if str(item[key]) == source]) for source in sources
        ]
        self.counts = _shares(
            [float(weights[source]) for source in sources], len(items) if samples is None else samples
        )
        self.generator: torch.Generator | None = None  # set by the trainer at every epoch's start

    def __len__(self) -> int:
        return sum(self.counts)

    def __iter__(self) -> Iterator[int]:
        drawn, places = [], []
        for rows, count in zip(self.members, self.counts, strict=True):
            drawn.append(rows[self._draw(len(rows), count)])
            places.append((torch.arange(count) + torch.rand(count, generator=self.generator)) / max(count, 1))
        yield from torch.cat(drawn)[torch.cat(places).argsort()].tolist()

    def _draw(self, size: int, count: int) -> Tensor:
        rounds = [torch.randperm(size, generator=self.generator) for _ in range(-(-count // size))]
        return torch.cat([*rounds, torch.empty(0, dtype=torch.long)])[:count]


def _shares(weights: Sequence[float], samples: int) -> list[int]:
    """Divide ``samples`` by weight; what rounding leaves over goes to the largest remainders."""
    exact = [weight / sum(weights) * samples for weight in weights]
    counts = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda index: counts[index] - exact[index])
    for index in by_remainder[: samples - sum(counts)]:
        counts[index] += 1
    return counts
