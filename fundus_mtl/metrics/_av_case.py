"""Measure arteries, veins and vessels of one photograph as one table row, and summarise the rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fundus_mtl.metrics import av
from fundus_mtl.metrics._measures import SummaryMeasure
from fundus_mtl.metrics._summary import summarise_measures

if TYPE_CHECKING:
    import pandas as pd

_QUANTITIES = {
    "acc": "accuracy",
    "f1": "F1",
    "sens": "sensitivity",
    "spec": "specificity",
    "auc": "area under the ROC curve",
    "cldice": "centreline Dice",
}
_STRUCTURES = {"artery": "artery", "vein": "vein", "av": "artery or vein", "vessel": "vessel head"}
_SETS = {
    "frame": "all pixels",
    "fov": "pixels in the field of view",
    "gt_vessel": "true vessel pixels",
    "discovered": "true vessel pixels that were found",
}


class ArteryVeinCase:
    """Measure one postprocessed sample whose probabilities and truth are on the pixel grid of the photograph.

    Args:
        artery_vein: Name of the task whose prediction ``pred_<task>`` ``(2, H, W)`` has the channels artery and vein;
            None if no task predicts them.
        vessel: Name of the task with the vessel prediction ``(1, H, W)``, or None.
        truth: Key of the true map ``(3, H, W)`` uint8 in HRF-AV's colours.
        fov: Key of the mask of the field of view ``(1, H, W)``, nonzero inside. If it is None or the key is missing,
            the field of view is unknown.
        threshold: Smallest probability that counts as the structure.
        crossings: How crossings count, see ``av.evaluate``.
        centrelines: Whether to compute clDice, see ``av.evaluate``.
    """

    def __init__(
        self,
        artery_vein: str | None = "artery_vein",
        vessel: str | None = "vessel",
        truth: str = "artery_vein_map",
        fov: str | None = "fov",
        threshold: float = 0.5,
        crossings: str = "neither",
        centrelines: bool = True,
    ) -> None:
        self.artery_vein, self.vessel, self.truth, self.fov = artery_vein, vessel, truth, fov
        self.threshold, self.crossings, self.centrelines = threshold, crossings, centrelines

    def __call__(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row: ``id``, the columns of ``av.evaluate``, and ``note``.

        Raises:
            ValueError: if the truth is missing, or a prediction is not on its grid.
        """
        if sample.get(self.truth) is None:
            raise ValueError(f"{sample['id']}: expected {self.truth}, but got none; add it to the datalist.")
        fov = None if self.fov is None or sample.get(self.fov) is None else _array(sample[self.fov])[0] != 0
        pair = (None, None) if self.artery_vein is None else _array(sample[f"pred_{self.artery_vein}"])
        probabilities = {
            "artery": pair[0],
            "vein": pair[1],
            "vessel": None if self.vessel is None else _array(sample[f"pred_{self.vessel}"])[0],
        }
        masks = {name: None if p is None else p >= self.threshold for name, p in probabilities.items()}
        measured = av.evaluate(
            **masks,
            true_rgb=np.moveaxis(_array(sample[self.truth]), 0, -1),
            fov=fov,
            **{f"{name}_prob": p for name, p in probabilities.items()},
            crossings=self.crossings,
            centrelines=self.centrelines,
        )
        return {"id": str(sample["id"]), **measured, "note": "" if fov is not None else "field of view unknown"}


def summarise_av(rows: pd.DataFrame, n: int = 1000, seed: int = 0, level: float = 0.95) -> pd.DataFrame:
    """Average the rows of `ArteryVeinCase` over photographs; arguments and return value as in `summarise`."""
    return summarise_measures(rows, [_measure(name) for name in _columns()], n, seed, level)


def _columns() -> list[str]:
    wanted = [f"{q}_{s}_{p}" for s in _STRUCTURES for p in _SETS for q in _QUANTITIES]
    return wanted + [f"acc_{s}_{p}_background" for s in _STRUCTURES for p in _SETS]


def _measure(column: str) -> SummaryMeasure:
    name, guess = column.removesuffix("_background"), column.endswith("_background")
    quantity, structure, place = name.split("_", 2)
    definition = f"mean {_QUANTITIES[quantity]}, {_STRUCTURES[structure]}, {_SETS[place]}"
    definition += "; if no vessel is predicted" if guess else ""
    return SummaryMeasure(column, (column,), lambda values: float(np.mean(values)), "", definition)


def _array(value: Any) -> NDArray[Any]:
    return np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value)
