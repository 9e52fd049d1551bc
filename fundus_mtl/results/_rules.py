"""What a user may decide about the measuring of photographs."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isnan

from fundus_mtl.biomarkers import GradabilityLimits


@dataclass(frozen=True)
class Rules:
    """How photographs are judged.

    Args:
        limits: of gradability.
        withhold_ungradable: whether a photograph that is not gradable gets no number of the network; its row then has the
            status ``ungradable`` and the reasons. Otherwise it is only flagged ``not_gradable``.
        glaucoma_threshold: score from which on a photograph is flagged, 0 to 1; None flags none.
        glaucoma_calibrated: whether the score was calibrated, for the row to say so.

    Raises:
        ValueError: if the threshold is not between 0 and 1.
    """

    limits: GradabilityLimits = field(default_factory=GradabilityLimits)
    withhold_ungradable: bool = True
    glaucoma_threshold: float | None = None
    glaucoma_calibrated: bool = False

    def __post_init__(self) -> None:
        threshold = self.glaucoma_threshold
        if threshold is not None and (isnan(threshold) or not 0 <= threshold <= 1):
            raise ValueError(
                f"glaucoma_threshold: expected a score from 0 to 1, but got {threshold}; None sets no flag."
            )
