"""The final glaucoma score: the classifier's, combined with the score by the cup-to-disc ratio where both are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isnan, nan
from typing import Any, ClassVar

import numpy as np

from fundus_mtl import biomarkers
from fundus_mtl.metrics import VCDRRegression, fused_score
from fundus_mtl.results._column import Column, ColumnGroup, Columns, Histogram, Shown, UncertaintyColumn
from fundus_mtl.results._contribution import Sample
from fundus_mtl.results._exported import Quantity
from fundus_mtl.results._findings import Findings
from fundus_mtl.results._relation import Relation
from fundus_mtl.results._rules import Rules

_RATIO = ("disc", "cup")


@dataclass(frozen=True)
class GlaucomaScore(Relation):
    """MTL-IO's fusion of two scores, see `fused_score`; a score from 0 to 1, no probability of disease.

    `Rules` may have ``glaucoma_threshold``, the score from which on a photograph is flagged (None flags none), and
    ``glaucoma_calibrated``, whether the classifier's score was calibrated, which the row repeats.

    Args:
        regression: Score by the vertical cup-to-disc ratio; None if there is none.
    """

    needs: ClassVar[tuple[str, ...]] = ("glaucoma",)
    options: ClassVar[Mapping[str, Any]] = {"glaucoma_threshold": None, "glaucoma_calibrated": False}
    columns: ClassVar[tuple[ColumnGroup, ...]] = (
        ColumnGroup(
            10,
            (
                Column(
                    "glaucoma_prob",
                    "0 to 1",
                    "final research score: mean of glaucoma_prob_classifier and glaucoma_prob_vcdr where both are known, "
                    "else the classifier's; no probability of disease, also where it is calibrated to a validation set, "
                    "whose prevalence it then carries",
                ),
                Column("glaucoma_prob_classifier", "0 to 1", "score of the network's classifier"),
                Column(
                    "glaucoma_prob_vcdr",
                    "0 to 1",
                    "score by vcdr alone, a logistic regression on the training's labels; empty where vcdr is empty or "
                    "the training had too few labels for it",
                ),
                Column(
                    "glaucoma_calibrated",
                    "yes | no",
                    "whether the classifier's score was calibrated; empty without a score",
                ),
                Column("glaucoma_threshold", "0 to 1", "the threshold that the user gave; empty without one"),
                Column(
                    "glaucoma_flag",
                    "yes | no",
                    "whether glaucoma_prob reaches the threshold; a research flag; empty without a threshold",
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
        Quantity("glaucoma_prob", "SCORE", "Glaucoma research score", calibrated=True),
    )
    uncertainty: ClassVar[UncertaintyColumn | None] = UncertaintyColumn("glaucoma_prob", "glaucoma_prob_uncertainty")

    regression: VCDRRegression | None = None

    @property
    def measured_in(self) -> tuple[str, ...]:
        """Names of the roles that it uses."""
        return self.needs if self.regression is None else (*self.needs, *_RATIO)

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
        """Return the scores, whether the classifier's is calibrated, and the flag where there is a threshold."""
        vcdr = columns.get("vcdr")
        by_ratio = self._by_ratio(float(vcdr) if isinstance(vcdr, int | float) else nan)
        parts: Columns = {"glaucoma_prob_vcdr": by_ratio} if isfinite(by_ratio) else {}
        classifier = found.answers.scores["glaucoma"]
        if not isfinite(classifier):
            return parts
        options = {**self.options, **found.rules.of_roles}
        score, threshold = fused_score(classifier, by_ratio), options["glaucoma_threshold"]
        return parts | {
            "glaucoma_prob": score,
            "glaucoma_prob_classifier": classifier,
            "glaucoma_calibrated": options["glaucoma_calibrated"],
            "glaucoma_threshold": threshold,
            "glaucoma_flag": None if threshold is None else score >= threshold,
        }

    def spread(self, samples: Sequence[Sample], tasks: Mapping[str, str]) -> float:
        """Return the standard deviation of the final scores (n - 1); NaN if the ratio is known in some views only."""
        scores = [float(np.asarray(sample[f"pred_{tasks['glaucoma']}"]).reshape(-1)[0]) for sample in samples]
        by_ratio = [self._of_view(sample, tasks) for sample in samples]
        if len({isnan(score) for score in by_ratio}) > 1:
            return nan
        return float(np.std([*map(fused_score, scores, by_ratio)], ddof=1))

    def _of_view(self, sample: Sample, tasks: Mapping[str, str]) -> float:
        if self.regression is None or not all(role in tasks for role in _RATIO):
            return nan
        disc, cup = (np.asarray(sample[f"pred_{tasks[role]}"])[0] for role in _RATIO)
        return self._by_ratio(biomarkers.vertical_cdr(disc, cup))

    def _by_ratio(self, vcdr: float) -> float:
        return nan if self.regression is None else float(self.regression.predict(vcdr))
