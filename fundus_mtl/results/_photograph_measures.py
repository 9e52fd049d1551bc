"""What is known of one photograph once it is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.results._column import Columns
from fundus_mtl.results._contribution import Contribution
from fundus_mtl.results._findings import Findings, Mask, Point
from fundus_mtl.results._role import Role


@dataclass(frozen=True)
class Measured:
    """What is known of one photograph.

    Args:
        columns: Values of `Measure.columns`; NaN, None or absent where unknown. ``status`` is ``ok`` or ``ungradable``.
        findings: Masks, points and scores, see `Findings`.
        contributions: The roles and relations that are in it.
    """

    columns: Columns
    findings: Findings = field(repr=False)
    contributions: tuple[Contribution, ...] = field(default=(), repr=False)

    @property
    def status(self) -> str:
        """``ok``, or ``ungradable`` where the answers are withheld."""
        return str(self.columns["status"])

    @property
    def flags(self) -> tuple[str, ...]:
        """Reasons to look at the photograph before using its numbers."""
        return tuple(flag for flag in str(self.columns["flags"]).split(";") if flag)

    @property
    def masks(self) -> Mapping[str, Mask]:
        """Masks ``(H, W)`` by structure."""
        return self.findings.answers.masks

    @property
    def points(self) -> Mapping[str, Point]:
        """Points ``(x, y)`` in native px by role; NaN where not found."""
        return self.findings.answers.points

    @property
    def scores(self) -> Mapping[str, float]:
        """Scores by role; NaN where there is none."""
        return self.findings.answers.scores

    @property
    def landmark(self) -> Mask | None:
        """Mask ``(H, W)`` of the role that is a landmark, if there is one; the report's thumbnails show it."""
        names = [
            name for one in self.contributions if isinstance(one, Role) and one.landmark for name in one.structures
        ]
        return self.masks[names[0]] if names else None

    @property
    def probabilities(self) -> Mapping[str, NDArray[np.float64]]:
        """Maps ``(H, W)`` from 0 to 1 by structure, where the sample has them."""
        return self.findings.answers.probabilities
