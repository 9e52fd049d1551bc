"""How much the answers vary when the photograph is mirrored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Sample = Mapping[Any, Any]


class FlipUncertainty:
    """Add how much answers vary over the sample itself and over mirrored views of the photograph.

    An eye is as healthy in the mirror, so a difference is the network's own uncertainty. It says nothing about errors that
    all views have in common.

    Args:
        views: Each maps a sample to one with the same answers, found in another view and put back on the photograph's grid.
        spreads: By the key that the sample gets: returns a number for the samples of all views, such as a standard
            deviation; see `fundus_mtl.results.flip_spreads`.

    Raises:
        ValueError: If there is no view.
    """

    def __init__(
        self,
        views: Sequence[Callable[[Sample], Sample]],
        spreads: Mapping[str, Callable[[Sequence[Sample]], float]],
    ) -> None:
        if not views:
            raise ValueError("views: expected at least one, but got none; leave the uncertainty out.")
        self.views, self.spreads = tuple(views), dict(spreads)

    def __call__(self, sample: Sample) -> dict[Any, Any]:
        """Return the sample with one number per spread; NaN where a view has no answer."""
        seen = [sample, *(view(sample) for view in self.views)]
        return {**sample, **{key: spread(seen) for key, spread in self.spreads.items()}}
