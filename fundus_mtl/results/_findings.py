"""What the network found in one photograph, before anything is measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fundus_mtl.biomarkers import Gradability
from fundus_mtl.results._facts import PhotographFacts
from fundus_mtl.results._near_disc import NearDisc
from fundus_mtl.results._rules import Rules

Mask = NDArray[np.bool_]
Picture = NDArray[np.uint8]
Point = NDArray[np.float64]


@dataclass(frozen=True)
class Answers:
    """The answers of one or several roles on the photograph's own pixels.

    Args:
        masks: Masks ``(H, W)`` by the name of the structure; empty where nothing was found.
        points: Points ``(x, y)`` in native px by the name of the role; NaN where nothing was found.
        scores: Scores by the name of the role; NaN where there is none.
        unrefined: Masks of structures whose ``masks`` a relation has changed, as their roles gave them.
        probabilities: Maps ``(H, W)`` from 0 to 1 by the name of the structure, where the sample has them.
    """

    masks: Mapping[str, Mask] = field(default_factory=dict)
    points: Mapping[str, Point] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    probabilities: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    unrefined: Mapping[str, Mask] = field(default_factory=dict)


@dataclass(frozen=True)
class Findings:
    """What is known of one photograph.

    Args:
        roles: Names of the roles whose answers are here; none where they are withheld.
        answers: Answers of these roles. Masks are cleaned, so that pictures, masks and numbers show the same thing.
        seen: Field of view ``(H, W)``.
        quality: Whether the photograph is gradable, and why not.
        facts: Eye and scale, as the file or a list says.
        rules: Rules of the user.
        relpath: Relative path of the photograph, whose name may say which eye it is.
        uncertainties: Variation over mirrored views by key, see `UncertaintyColumn`.
        doubts: Why a mask cannot be that of its structure, by the name of the structure.
    """

    roles: frozenset[str]
    answers: Answers
    seen: Mask
    quality: Gradability
    facts: PhotographFacts
    rules: Rules
    relpath: str = ""
    uncertainties: Mapping[str, float] = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def near_disc(self) -> NearDisc:
        """The window around the disc; for photographs whose roles have one."""
        return NearDisc.of(self.answers.masks, self.seen, self.answers.unrefined)

    @property
    def ungradable(self) -> bool:
        """Whether the photograph is not gradable."""
        return not self.quality["gradable"]

    @property
    def withheld(self) -> bool:
        """Whether the photograph is not gradable and its answers were dropped for that reason."""
        return self.ungradable and self.rules.withhold_ungradable
