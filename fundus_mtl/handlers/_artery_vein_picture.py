"""A photograph with labelled and predicted arteries and veins, side by side, for `CaseFigures`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fundus_mtl.handlers._sample_overlay import Picture, shrink
from fundus_mtl.metrics.av import paint


class ArteryVeinPicture:
    """Draw photograph, truth and prediction of a sample in HRF-AV's colours: red artery, blue vein, green both.

    Args:
        task: name of the task; ``pred_<task>`` are probabilities ``(2, H, W)`` of artery and vein.
        truth: key of the labelled map ``(3, H, W)`` uint8; skipped if the sample does not have it.
        threshold: lowest probability that is drawn as artery or vein.
        width: largest width of each picture, px.
    """

    def __init__(
        self, task: str = "artery_vein", truth: str = "artery_vein_map", threshold: float = 0.5, width: int = 640
    ) -> None:
        self.task, self.truth, self.threshold, self.width = task, truth, threshold, width

    def __call__(self, image: Picture, sample: Mapping[str, Any]) -> Picture:
        """Return the pictures of an RGB photograph ``(H, W, 3)`` and its sample, from left to right in one picture."""
        return np.concatenate(list(self.parts(image, sample).values()), axis=1)

    def parts(self, image: Picture, sample: Mapping[str, Any]) -> dict[str, Picture]:
        """Return the single pictures: ``photograph``, ``truth`` (if there is one) and ``prediction``."""
        pictures = {"photograph": np.asarray(image)}
        if sample.get(self.truth) is not None:
            pictures["truth"] = np.moveaxis(_array(sample[self.truth]), 0, -1).astype(np.uint8)
        artery, vein = _array(sample[f"pred_{self.task}"]) >= self.threshold
        pictures["prediction"] = paint(artery, vein)
        scale = min(1.0, self.width / image.shape[1])
        return {name: shrink(picture, scale) for name, picture in pictures.items()}


def _array(value: Any) -> NDArray[Any]:
    return np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value)
