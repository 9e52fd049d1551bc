"""Turn the probabilities of arteries, veins and vessels into masks that agree with each other."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.transforms import Transform


class AssignVesselsd(Transform):
    """Make every pixel of the vessel mask an artery or a vein, by the larger probability; the clear crossings are both.

    Thresholds for each channel alone leave gaps where both channels are below one half, and mark thin vessels as both.
    Apply this transform to probabilities on the grid of the photograph.

    Args:
        kinds: Key of the probabilities of artery and vein ``(2, H, W)``; they become uint8 masks.
        vessel: Key of the probabilities of any vessel ``(1, H, W)``, unchanged.
        threshold: Smallest probability of a vessel.
        crossing: Smallest probability that artery and vein must both have for a pixel that is both.

    Raises:
        ValueError: if the probabilities are not two channels and one on the same grid.
    """

    def __init__(self, kinds: str, vessel: str, threshold: float = 0.5, crossing: float = 0.8) -> None:
        self.kinds, self.vessel, self.threshold, self.crossing = kinds, vessel, threshold, crossing

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with masks of arteries and veins."""
        item = dict(data)
        kinds, vessel = (torch.as_tensor(item[key]) for key in (self.kinds, self.vessel))
        if kinds.shape[0] != 2 or vessel.shape != (1, *kinds.shape[1:]):
            raise ValueError(
                f"AssignVesselsd: expected (2, H, W) and (1, H, W), but got {tuple(kinds.shape)} and "
                f"{tuple(vessel.shape)}; give the channels artery and vein, and the vessels of the same photograph."
            )
        artery, vein = kinds.as_subclass(torch.Tensor)  # a MetaTensor slows every line down
        first, both = artery >= vein, (artery >= self.crossing) & (vein >= self.crossing)
        seen = vessel.as_subclass(torch.Tensor)[0] >= self.threshold
        masks = torch.stack([first | both, first.logical_not_() | both]).logical_and_(seen)
        item[self.kinds] = masks.view(torch.uint8)
        return item
