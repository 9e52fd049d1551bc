"""From a photograph and the network's answers to columns, masks, points and scores; nothing is read or written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fundus_mtl import biomarkers
from fundus_mtl.data import SEEN
from fundus_mtl.results._column import Column, Columns, Shown, sorted_columns
from fundus_mtl.results._contribution import KINDS, Contribution
from fundus_mtl.results._facts import PhotographFacts
from fundus_mtl.results._findings import Answers, Findings, Mask, Picture
from fundus_mtl.results._photograph_measures import Measured
from fundus_mtl.results._relation import Relation
from fundus_mtl.results._relations import PHOTOGRAPH, RELATIONS
from fundus_mtl.results._role import Role
from fundus_mtl.results._rules import Rules
from fundus_mtl.results._shown_numbers import shown_numbers


class Measure:
    """Measure photographs in memory.

    Args:
        roles: Roles that the network's tasks answer.
        rules: Rules for judging photographs; None for the default ones.
        relations: What is measured from several roles; each is left out where a role that it needs is missing.

    Raises:
        ValueError: If two roles have the same name or structure, or an option of the rules is unknown or impossible.

    Example:
        >>> measure = Measure([Disc("disc"), Cup("cup")])  # doctest: +SKIP
        >>> measure(picture, {"pred_disc": disc, "pred_cup": cup}).columns["vcdr"]  # doctest: +SKIP
        0.52
    """

    def __init__(
        self, roles: Sequence[Role], rules: Rules | None = None, relations: Sequence[Relation] = RELATIONS
    ) -> None:
        self.roles, self.rules = tuple(roles), rules or Rules()
        names = [role.name for role in self.roles]
        _refuse_doubles("roles", names)
        _refuse_doubles("structures of roles", [name for role in self.roles for name in role.structures])
        own = [relation for role in self.roles for relation in role.relations]
        self._relations = tuple(relation for relation in (*relations, *own) if relation.listed(names))
        self.contributions: tuple[Contribution, ...] = (*PHOTOGRAPH, *self.roles, *self._relations)
        self._check_rules()

    @property
    def tasks(self) -> dict[str, str | None]:
        """Names of the tasks by role."""
        return {role.name: role.task for role in self.roles}

    @property
    def unanswered(self) -> dict[str, str]:
        """Reasons why no task answers a role, by role."""
        return {role.name: role.reason for role in self.roles if role.task is None and role.reason}

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns that a measurement may have, in the order of ``results.csv``, but ``status``, its reason and flags."""
        return sorted_columns(group for one in self.contributions for group in one.columns)

    @cached_property
    def shown(self) -> tuple[Shown, ...]:
        """The numbers that a report shows, in their order."""
        return shown_numbers(self.roles, self.contributions)

    def __call__(
        self,
        picture: Picture,
        sample: Mapping[str, Any],
        facts: PhotographFacts | Mapping[str, Any] | None = None,
        relpath: str = "",
    ) -> Measured:
        """Measure a photograph.

        Args:
            picture: Upright photograph, RGB uint8 ``(H, W, 3)``.
            sample: Postprocessed sample with ``pred_<task>`` (tensors or arrays): masks ``(C, H, W)`` of the photograph's
                size, points ``(x, y)`` in native px, scores ``(1,)``. It may have ``probability_<task>`` ``(C, H, W)``,
                ``rival_pred_<task>`` (see ``transforms.RivalRegiond``) and ``uncertainty_<key>``. A role whose answer is
                absent is not measured. The field of view ``(1, H, W)`` is taken from ``field_of_view`` where it is there.
            facts: `PhotographFacts`, or a mapping with ``laterality``, ``laterality_source``, ``mm_per_px`` along x and y,
                ``scale_source`` and ``burned_in`` ("yes" or "no").
            relpath: Relative path of the photograph; its name may say which eye it is.

        Raises:
            ValueError: If an answer does not fit the photograph.
        """
        known = facts if isinstance(facts, PhotographFacts) else PhotographFacts.of(facts)
        found = self._findings(picture, sample, known, relpath)
        active = tuple(one for one in self.contributions if one.listed(found.roles))
        columns: Columns = {}
        for one in active:
            columns |= one.measure(found, columns)
            if one.uncertainty is not None and one.uncertainty.key in found.uncertainties:
                columns[one.uncertainty.column] = found.uncertainties[one.uncertainty.key]
        missing = sorted(filter(None, (one.missing(found) for one in active)), key=lambda lost: KINDS.index(lost.kind))
        flags = [f"{name}_implausible" for name in found.doubts] + [lost.flag for lost in missing]
        flags += [flag for one in active for flag in one.flags(found, columns)]
        reasons = [reason.replace("_", " ") for reason in found.quality["reasons"]] + [lost.reason for lost in missing]
        reasons += [*found.doubts.values(), *([found.facts.scale_fault] if found.facts.scale_fault else [])]
        columns |= {
            "status": "ungradable" if found.withheld else "ok",
            "status_reason": "; ".join(dict.fromkeys(reasons)),  # a disc may be missing for both
            "flags": ";".join(dict.fromkeys(flags)),
        }
        return Measured(columns, found, active)

    def _findings(self, picture: Picture, sample: Mapping[str, Any], facts: PhotographFacts, relpath: str) -> Findings:
        seen = np.asarray(sample[SEEN][0]) if _has(sample, SEEN) else seen_in(picture)
        answered = {role: sample[f"pred_{role.task}"] for role in self.roles if _has(sample, f"pred_{role.task}")}
        names = frozenset(role.name for role in answered)
        taken = [role.take(_array(answer), seen) for role, answer in answered.items()]
        given = {name: mask for answers in taken for name, mask in answers.masks.items()}
        rivals = {role.name: float(sample[key]) for role in answered if _has(sample, key := f"rival_pred_{role.task}")}
        doubts = self._doubts(given, names, seen, rivals)
        if self.rules.withhold_implausible:
            given |= {name: np.zeros_like(given[name]) for name in doubts}
        refined: dict[str, Mask] = {}
        for relation in self._relations:
            refined |= relation.refine(given | refined) if relation.listed(names) else {}
        masks = given | refined
        landmark = next((masks[name] for role in answered if role.landmark for name in role.structures), None)
        graded = next(
            (answers.scores[role.name] for role, answers in zip(answered, taken, strict=True) if role.grades), nan
        )
        quality = biomarkers.gradability(picture, seen, landmark, self.rules.limits, graded)
        disc = nan if landmark is None else biomarkers.extent(landmark, axis=0)
        facts = facts.plausible(seen.shape[0], seen.shape[1], disc)
        found = Findings(frozenset(), Answers(), seen, quality, facts, self.rules, relpath, doubts=doubts)
        if found.withheld:
            return found
        answers = Answers(
            masks,
            {name: point for answers in taken for name, point in answers.points.items()},
            {name: score for answers in taken for name, score in answers.scores.items()},
            {
                name: found
                for role in answered
                if _has(sample, key := f"probability_{role.task}")
                for name, found in role.take_probabilities(_array(sample[key]), seen).items()
            },
            {name: given[name] for name in refined},
        )
        emptied = doubts.keys() if self.rules.withhold_implausible else set()
        kept = [one for one in self.contributions if emptied.isdisjoint(one.measured_in)]
        spreads = {one.uncertainty for one in kept if one.uncertainty is not None}
        varied = {one.key: float(sample[one.sample_key]) for one in spreads if _has(sample, one.sample_key)}
        return Findings(names, answers, seen, quality, facts, self.rules, relpath, varied, doubts)

    def _doubts(
        self, masks: dict[str, Mask], roles: Collection[str], seen: Mask, rivals: Mapping[str, float]
    ) -> dict[str, str]:
        """Return why masks cannot be those of their structures, by structure."""
        doubts: dict[str, str] = {}
        for one in (*self.roles, *self._relations):
            believed = {name: np.zeros_like(mask) if name in doubts else mask for name, mask in masks.items()}
            doubts |= one.doubts(believed, seen, rivals) if one.listed(roles) else {}
        return doubts

    def _check_rules(self) -> None:
        known = {name for one in self.contributions for name in one.options}
        if unknown := self.rules.of_roles.keys() - known:
            expected = ", ".join(("limits", "withhold_ungradable", "withhold_implausible", *sorted(known)))
            raise ValueError(
                f"rules: expected some of {expected}, but got {', '.join(sorted(unknown))}; check the name, or add the role."
            )
        for one in self.contributions:
            one.check(self.rules)


def seen_in(picture: Picture) -> Mask:
    """Return the field of view ``(H, W)`` of a photograph ``(H, W, 3)``; the whole frame where no border is seen."""
    from fundus_mtl.transforms import lit_part

    return lit_part(np.moveaxis(picture, -1, 0))[0]


def _has(sample: Mapping[str, Any], key: str) -> bool:
    return sample.get(key) is not None


def _array(answer: Any) -> NDArray[Any]:
    """Return a tensor or an array as NumPy, also from a GPU."""
    return np.asarray(answer.cpu() if hasattr(answer, "cpu") else answer)


def _refuse_doubles(what: str, names: Sequence[str]) -> None:
    if double := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(f"{what}: expected different names, but got {', '.join(double)} more than once.")
