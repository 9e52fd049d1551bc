"""How much answers vary over mirrored views of a photograph, for ``fundus_mtl.engines.FlipUncertainty``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import nan

from fundus_mtl.results._contribution import Contribution, Sample
from fundus_mtl.results._relation import Relation
from fundus_mtl.results._relations import RELATIONS
from fundus_mtl.results._role import Role

Spread = Callable[[Sequence[Sample]], float]


def flip_spreads(roles: Sequence[Role], relations: Sequence[Relation] = RELATIONS) -> dict[str, Spread]:
    """Return what is to be computed over the views, by the key that a sample gets.

    Args:
        roles: Roles that the network's tasks answer; one without a task is left out.
        relations: What is measured from several roles.
    """
    tasks = {role.name: role.task for role in roles if role.task is not None}
    own = [relation for role in roles for relation in role.relations]
    contributions: list[Contribution] = [*roles, *relations, *own]
    return {
        one.uncertainty.sample_key: partial(_spread, one, tasks)
        for one in contributions
        if one.uncertainty is not None and one.listed(tasks)
    }


def _spread(one: Contribution, tasks: Mapping[str, str], samples: Sequence[Sample]) -> float:
    """Return the spread; NaN where a view has no answer, such as no cup because it has no disc."""
    needed = [f"pred_{tasks[role]}" for role in one.measured_in if role in tasks]
    if any(sample.get(key) is None for sample in samples for key in needed):
        return nan
    return one.spread(samples, tasks)
