"""Which numbers a report shows."""

from __future__ import annotations

from collections.abc import Iterable

from fundus_mtl.results._column import Shown
from fundus_mtl.results._contribution import Contribution
from fundus_mtl.results._role import Role


def shown_numbers(roles: Iterable[Role], contributions: Iterable[Contribution]) -> tuple[Shown, ...]:
    """Return the columns that a report shows, in their order; none of a role that no task answers."""
    answered = [role.name for role in roles if role.task is not None]
    shown = (number for one in contributions if one.listed(answered) for number in one.shown)
    return tuple(sorted(shown, key=lambda number: number.place))
