"""What a user may decide about how photographs are measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fundus_mtl.biomarkers import GradabilityLimits


@dataclass(frozen=True, init=False)
class Rules:
    """How photographs are judged.

    Args:
        limits: Limits of gradability; None for the default ones.
        withhold_ungradable: Whether a photograph that is not gradable gets no number of the network. Its row then has the
            status ``ungradable`` and the reasons. Otherwise it is only flagged as ``not_gradable``.
        withhold_implausible: Whether a mask that cannot be that of its structure counts as not found, see
            `fundus_mtl.biomarkers.implausible_disc` and `implausible_cup`. Its row then has the flag
            ``<structure>_implausible`` and the reason. Otherwise it is measured, with the same flag and reason.
        **of_roles: Options of the roles, such as ``glaucoma_threshold``; see the roles. `Measure` raises an error for
            an option that no role has.
    """

    limits: GradabilityLimits
    withhold_ungradable: bool
    withhold_implausible: bool
    of_roles: Mapping[str, Any]

    def __init__(
        self,
        limits: GradabilityLimits | None = None,
        withhold_ungradable: bool = True,
        withhold_implausible: bool = True,
        **of_roles: Any,
    ) -> None:
        object.__setattr__(self, "limits", limits or GradabilityLimits())
        if not isinstance(limits, GradabilityLimits | None):
            raise ValueError(f"limits: expected GradabilityLimits or null, but got {limits!r}.")
        for name, value in (("ungradable", withhold_ungradable), ("implausible", withhold_implausible)):
            if not isinstance(value, bool):
                raise ValueError(f"withhold_{name}: expected true or false, but got {value!r}.")
        object.__setattr__(self, "withhold_ungradable", withhold_ungradable)
        object.__setattr__(self, "withhold_implausible", withhold_implausible)
        object.__setattr__(self, "of_roles", of_roles)
