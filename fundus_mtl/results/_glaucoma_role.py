"""The glaucoma score: a research score from 0 to 1, no probability of disease."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fundus_mtl.metrics import VCDRRegression
from fundus_mtl.results._contribution import Missing
from fundus_mtl.results._glaucoma_score import GlaucomaScore
from fundus_mtl.results._relation import Relation
from fundus_mtl.results._role import ScoreRole


@dataclass(frozen=True)
class Glaucoma(ScoreRole):
    """The score of a classifier. `GlaucomaScore` combines it with the cup-to-disc ratio and has the columns.

    Args:
        task: Name of the task that answers it, or None.
        reason: Why no task answers it. Optional.
        regression: Score by the cup-to-disc ratio, as a training writes it beside its weights. Optional; without it the
            classifier's score is the final one.
    """

    name: ClassVar[str] = "glaucoma"

    regression: VCDRRegression | None = None

    @property
    def relations(self) -> tuple[Relation, ...]:
        """The final score."""
        return (GlaucomaScore(self.regression),)

    @property
    def lacking(self) -> Missing:
        """How it is called where it was not found."""
        return Missing(self.kind, "score_missing", "no glaucoma score")
