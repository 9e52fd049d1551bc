"""One row per photograph of arteries, veins and vessels, and what the rows sum up to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fundus_mtl.metrics import av
from fundus_mtl.metrics._measures import Measure
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
    """Measure one postprocessed sample: probabilities and truth on the photograph's own grid.

    Args:
        artery_vein: task whose prediction ``pred_<task>`` ``(2, H, W)`` has the channels artery and vein; None without it.
        vessel: task with ``(1, H, W)``, or None.
        truth: key of the map ``(3, H, W)`` uint8 in HRF-AV's colours.
        fov: key of the field of view's mask ``(1, H, W)``, nonzero inside; None or absent: not known.
        threshold: from which a probability is called the structure.
        crossings: of ``av.evaluate``.
        centrelines: of ``av.evaluate``.
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
        """Return ``id``, the columns of ``av.evaluate``, and ``note``.

        Raises:
            ValueError: if there is no truth, or a prediction is not on its grid.
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
        return {"id": str(sample["id"]), **measured, "note": "" if fov is not None else "field of view not known"}


def summarise_av(rows: pd.DataFrame, n: int = 1000, seed: int = 0, level: float = 0.95) -> pd.DataFrame:
    """Sum the rows of `ArteryVeinCase` up to their means over photographs; arguments and answer as of `summarise`."""
    return summarise_measures(rows, [_measure(name) for name in _columns()], n, seed, level)


def _columns() -> list[str]:
    wanted = [f"{q}_{s}_{p}" for s in _STRUCTURES for p in _SETS for q in _QUANTITIES]
    return wanted + [f"acc_{s}_{p}_background" for s in _STRUCTURES for p in _SETS]


def _measure(column: str) -> Measure:
    name, guess = column.removesuffix("_background"), column.endswith("_background")
    quantity, structure, place = name.split("_", 2)
    definition = f"mean {_QUANTITIES[quantity]}, {_STRUCTURES[structure]}, {_SETS[place]}"
    definition += "; of the guess that there is no vessel" if guess else ""
    return Measure(column, (column,), lambda values: float(np.mean(values)), "", definition)


def _array(value: Any) -> NDArray[Any]:
    return np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value)
