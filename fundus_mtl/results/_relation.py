"""What needs several roles: the base class of all relations."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar

from fundus_mtl.results._contribution import Contribution
from fundus_mtl.results._findings import Mask


class Relation(Contribution):
    """What is measured from several roles together, or from the photograph alone; absent where a role is missing.

    Attributes:
        needs: Names of the roles that it needs, all of them.
        any_of: Names of roles of which it needs at least one; empty for no such need.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    any_of: ClassVar[tuple[str, ...]] = ()

    @property
    def measured_in(self) -> tuple[str, ...]:
        """Names of the roles that it needs."""
        return self.needs or self.any_of

    def listed(self, roles: Collection[str]) -> bool:
        """Return whether all that it needs is among these roles."""
        one = not self.any_of or any(role in roles for role in self.any_of)
        return one and all(role in roles for role in self.needs)

    def refine(self, masks: Mapping[str, Mask]) -> dict[str, Mask]:
        """Return masks ``(H, W)`` by structure that take the place of the roles' own; by default none."""
        return {}
