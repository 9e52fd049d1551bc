"""The quality of the photograph, as a network that was trained on graders' labels scores it."""

from __future__ import annotations

from math import isfinite
from typing import ClassVar

from fundus_mtl.results._column import Column, ColumnGroup, Columns, Histogram, Shown
from fundus_mtl.results._findings import Findings
from fundus_mtl.results._role import ScoreRole


class Quality(ScoreRole):
    """A score from 0 (unusable) to 1 (best). It replaces the score by rules in ``quality_score``.

    It also takes part in deciding whether a photograph is gradable, if `GradabilityLimits` has a limit for it.
    """

    name: ClassVar[str] = "quality"
    grades: ClassVar[bool] = True
    columns: ClassVar[tuple[ColumnGroup, ...]] = (
        ColumnGroup(
            3,
            (
                Column(
                    "quality_source",
                    "model",
                    "model: quality_score is the network's; empty: it is made of rules, since the network gave none",
                ),
            ),
        ),
    )
    shown: ClassVar[tuple[Shown, ...]] = (
        Shown("quality_score", "Quality", 2, place=60, histogram=Histogram("Quality of the photograph", "scores")),
    )

    def measure(self, found: Findings, columns: Columns) -> Columns:
        """Return the score, kept within 0 to 1: a regression may leave the range a little."""
        score = found.answers.scores["quality"]
        if not isfinite(score):
            return {}
        return {"quality_score": min(1.0, max(0.0, score)), "quality_source": "model"}
