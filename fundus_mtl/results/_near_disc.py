"""Disc, cup and field of view in a window around the disc, where they are measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.biomarkers import bounds

_MARGIN = 2  # px: whether a disc touches the edge of the field of view depends on its neighbours


@dataclass(frozen=True)
class NearDisc:
    """A window of some hundred pixels around the disc: measuring there costs a hundredth of the whole photograph.

    Args:
        disc: NDArray[np.bool_] ``(h, w)``.
        cup: NDArray[np.bool_] ``(h, w)``; None where the network has no answer.
        seen: Field of view ``(h, w)``.
        left: Column of the photograph at which the window begins, px.
        top: Row of the photograph, px.
    """

    disc: NDArray[np.bool_]
    cup: NDArray[np.bool_] | None
    seen: NDArray[np.bool_]
    left: int
    top: int

    @classmethod
    def of(cls, masks: Mapping[str, NDArray[np.bool_]], seen: NDArray[np.bool_]) -> NearDisc:
        """Return the window of masks ``(H, W)`` by structure, with ``disc`` among them, and of a field of view."""
        disc, cup = masks["disc"], masks.get("cup")
        rows, columns = (slice(max(0, side.start - _MARGIN), side.stop + _MARGIN) for side in bounds(disc) or _NOWHERE)
        inside = (rows, columns)
        return cls(disc[inside], None if cup is None else cup[inside], seen[inside], columns.start, rows.start)

    def point(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a point ``(x, y)`` of the photograph in px of the window."""
        return xy - np.array([self.left, self.top])


_NOWHERE = (slice(0, 0), slice(0, 0))
