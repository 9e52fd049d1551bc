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
    """A window of some hundred pixels around disc and cup: measuring there costs a hundredth of the whole photograph.

    Args:
        disc: Mask of the disc ``(h, w)``.
        cup: Mask of the cup inside the disc ``(h, w)``; None where the network has no answer.
        unrefined_cup: Mask of the cup with what lies outside of the disc ``(h, w)``; None where there is none.
        seen: Field of view ``(h, w)``.
        left: Column of the photograph at which the window begins, px.
        top: Row of the photograph, px.
    """

    disc: NDArray[np.bool_]
    cup: NDArray[np.bool_] | None
    unrefined_cup: NDArray[np.bool_] | None
    seen: NDArray[np.bool_]
    left: int
    top: int

    @classmethod
    def of(
        cls,
        masks: Mapping[str, NDArray[np.bool_]],
        seen: NDArray[np.bool_],
        unrefined: Mapping[str, NDArray[np.bool_]] | None = None,
    ) -> NearDisc:
        """Return the window of a photograph.

        Args:
            masks: Masks ``(H, W)`` by structure, with ``disc`` among them.
            seen: Field of view ``(H, W)``.
            unrefined: Masks of structures before they were compared with others.
        """
        disc, cup = masks["disc"], masks.get("cup")
        whole_cup = (unrefined or {}).get("cup", cup)
        boxes = [box for mask in (disc, whole_cup) if mask is not None and (box := bounds(mask)) is not None]
        rows, columns = (_around([box[axis] for box in boxes]) for axis in (0, 1))
        cut = [None if mask is None else mask[rows, columns] for mask in (cup, whole_cup)]
        return cls(disc[rows, columns], cut[0], cut[1], seen[rows, columns], columns.start, rows.start)

    def point(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a point ``(x, y)`` of the photograph in px of the window."""
        return xy - np.array([self.left, self.top])


def _around(sides: list[slice]) -> slice:
    """Return the range that covers some others and a margin; an empty one for none."""
    if not sides:
        return slice(0, 0)
    return slice(max(0, min(side.start for side in sides) - _MARGIN), max(side.stop for side in sides) + _MARGIN)
