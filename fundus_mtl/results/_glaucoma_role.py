"""The glaucoma score: a research score of a classifier."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, isnan
from typing import Any, ClassVar

from fundus_mtl.results._column import Column, ColumnGroup, Columns, Histogram, Shown, UncertaintyColumn
from fundus_mtl.results._contribution import Missing
from fundus_mtl.results._exported import Quantity
from fundus_mtl.results._findings import Findings
from fundus_mtl.results._role import ScoreRole
from fundus_mtl.results._rules import Rules


class Glaucoma(ScoreRole):
    """A score from 0 to 1; no probability of disease.

    `Rules` may have ``glaucoma_threshold``, the score from which on a photograph is flagged (None flags none), and
    ``glaucoma_calibrated``, whether the score was calibrated, which the row repeats.
    """

    name: ClassVar[str] = "glaucoma"
    options: ClassVar[Mapping[str, Any]] = {"glaucoma_threshold": None, "glaucoma_calibrated": False}
    columns: ClassVar[tuple[ColumnGroup, ...]] = (
        ColumnGroup(
            10,
            (
                Column(
                    "glaucoma_prob",
                    "0 to 1",
                    "research score of the classifier; no probability of disease, also where it is calibrated to a "
                    "validation set, whose prevalence it then carries",
                ),
                Column("glaucoma_calibrated", "yes | no", "whether the score was calibrated; empty without a score"),
                Column("glaucoma_threshold", "0 to 1", "the threshold that the user gave; empty without one"),
                Column(
                    "glaucoma_flag",
                    "yes | no",
                    "whether the score reaches the threshold; a research flag; empty without a threshold",
                ),
            ),
        ),
        ColumnGroup(
            81,
            (Column("glaucoma_prob_uncertainty", "1", "standard deviation of glaucoma_prob over the same views"),),
        ),
    )
    shown: ClassVar[tuple[Shown, ...]] = (
        Shown(
            "glaucoma_prob", "Glaucoma score", 3, "research", place=40,
            histogram=Histogram("Glaucoma score (research)", "glaucoma scores"),
        ),
    )  # fmt: skip
    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity("glaucoma_prob", "SCORE", "Glaucoma classifier research score", calibrated=True),
    )
    uncertainty: ClassVar[UncertaintyColumn | None] = UncertaintyColumn("glaucoma_prob", "glaucoma_prob_uncertainty")

    def check(self, rules: Rules) -> None:
        """Check the threshold.

        Raises:
            ValueError: If it is not between 0 and 1.
        """
        threshold = rules.of_roles.get("glaucoma_threshold")
        if threshold is not None and (isnan(threshold) or not 0 <= threshold <= 1):
            raise ValueError(
                f"glaucoma_threshold: expected a score from 0 to 1, but got {threshold}; None sets no flag."
            )

    def measure(self, found: Findings, columns: Columns) -> Columns:
        """Return the score, whether it is calibrated, and the flag where there is a threshold."""
        score = found.answers.scores["glaucoma"]
        if not isfinite(score):
            return {}
        options = {**self.options, **found.rules.of_roles}
        threshold = options["glaucoma_threshold"]
        return {
            "glaucoma_prob": score,
            "glaucoma_calibrated": options["glaucoma_calibrated"],
            "glaucoma_threshold": threshold,
            "glaucoma_flag": None if threshold is None else score >= threshold,
        }

    @property
    def lacking(self) -> Missing:
        """How it is called where it was not found."""
        return Missing(self.kind, "score_missing", "no glaucoma score")
