"""How far the answers move when the photograph is mirrored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from fundus_mtl.biomarkers import vertical_cdr

Sample = Mapping[Any, Any]


class FlipUncertainty:
    """Add standard deviations over the sample itself and its answers from mirrored views of the photograph.

    An eye is as healthy in the mirror: what differs is the network's own doubt. It says nothing about what all views get
    wrong together.

    Args:
        views: each maps a sample to one with the same answers, found in another view and put back on the photograph's grid.
        disc: task with this role, whose ``pred_<task>`` is a mask ``(1, H, W)``; None where there is none.
        cup: likewise.
        fovea: likewise; a point ``(x, y)``, px.
        glaucoma: likewise; a number.
    """

    def __init__(
        self,
        views: Sequence[Callable[[Sample], Sample]],
        disc: str | None = None,
        cup: str | None = None,
        fovea: str | None = None,
        glaucoma: str | None = None,
    ) -> None:
        if not views:
            raise ValueError("views: expected at least one, but got none; leave the uncertainty out.")
        self.views, self.disc, self.cup, self.fovea, self.glaucoma = tuple(views), disc, cup, fovea, glaucoma

    def __call__(self, sample: Sample) -> dict[Any, Any]:
        """Return the sample with ``uncertainty_vcdr``, ``uncertainty_glaucoma_prob`` and ``uncertainty_fovea_px``.

        The first two are standard deviations (n - 1), no unit; the third is the root of the mean squared distance from the
        mean point (n - 1), px. NaN where a view has no answer; a role that no task has is left out.
        """
        seen = [sample, *(view(sample) for view in self.views)]
        found = {}
        if self.disc is not None and self.cup is not None:
            ratios = [vertical_cdr(_array(s, self.disc)[0], _array(s, self.cup)[0]) for s in seen]
            found["uncertainty_vcdr"] = float(np.std(ratios, ddof=1))
        if self.glaucoma is not None:
            scores = [float(_array(s, self.glaucoma).reshape(-1)[0]) for s in seen]
            found["uncertainty_glaucoma_prob"] = float(np.std(scores, ddof=1))
        if self.fovea is not None:
            points = np.stack([_array(s, self.fovea).reshape(2).astype(np.float64) for s in seen])
            found["uncertainty_fovea_px"] = float(np.sqrt(points.var(axis=0, ddof=1).sum()))
        return {**sample, **found}


def _array(sample: Sample, task: str) -> Any:
    return np.asarray(sample[f"pred_{task}"])
